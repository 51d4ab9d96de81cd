package audit_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tocsin/audit"
	"tocsin/ledger"
	"tocsin/seal/padme"
	"tocsin/seal/roster"
	"tocsin/vault"
)

// TestFormatsLimits holds numbers that stand in the text.
func TestFormatsLimits(t *testing.T) {
	f := readFormats(t)
	for what, n := range map[string]int64{
		"ciphertext of 1 to %s bytes":   vault.InlineMax,
		"message of more than %s bytes": vault.InlineMax,
		"it has %s bytes or less":       vault.InlineMax,
		"envelope | as many as the roster in force when it was sealed has workers | %s bytes": vault.CaseKeySize,
		"At most %s bytes. `day` is when":         ledger.MaxLeaf,
		"1 to %s of them":                         roster.MaxWorkers,
		"destination SHORT               0 to %s": roster.MaxDestinations,
		"auditor SHORT                   0 to %s": roster.MaxAuditors,
		"cosigner SHORT                  0 to %s": roster.MaxCosigners,
		"purge-signers DEC ?             1 to %s": roster.MaxPurgeSigners,
		"Nothing below %s is a step":              padme.Floor,
	} {
		plain := strconv.FormatInt(n, 10)
		grouped := plain
		if len(plain) > 4 || strings.Contains(what, "`day`") {
			grouped = plain[:len(plain)-3] + "," + plain[len(plain)-3:]
		}
		if !strings.Contains(f.page, fmt.Sprintf(what, plain)) && !strings.Contains(f.page, fmt.Sprintf(what, grouped)) {
			t.Errorf("docs/formats.md does not say: "+what, grouped)
		}
	}
}

// TestFormatsNameEverything wants each finding in a table of findings, and each
// name that a file can have in it, in the page.
func TestFormatsNameEverything(t *testing.T) {
	f := readFormats(t)
	ids := findingIDs(t, ".", "../vault")
	listed := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| ((?:`[a-z-]+` )+)\\|").FindAllStringSubmatch(section(f.page, "## 12."), -1) {
		for _, id := range strings.Fields(row[1]) {
			listed[strings.Trim(id, "`")] = true
		}
	}
	if got := slices.Sorted(maps.Keys(listed)); !slices.Equal(got, ids) {
		t.Errorf("docs/formats.md has the findings\n%v\nand the code\n%v", got, ids)
	}

	severe := section(section(f.page, "## 12."), "### Severity")
	notices, serious, _ := strings.Cut(severe, ". Serious are")
	for _, k := range audit.Catalogue() {
		id := "`" + k.ID + "`"
		if strings.Contains(notices, id) != (k.Severity == audit.Notice) || strings.Contains(serious, id) != (k.Severity == audit.Serious) {
			t.Errorf("%s is %s, and docs/formats.md says otherwise", k.ID, k.Severity)
		}
	}

	named := func(part, name string) {
		t.Helper()
		if !strings.Contains(section(f.page, part), "`"+name+"`") {
			t.Errorf("section %s of docs/formats.md does not name `%s`", part, name)
		}
	}
	for _, key := range []string{"version", "checkpoint", "published", "cosigned"} {
		named("## 4.", key)
	}
	for name, value := range constants(t, "../vault/schema.go") {
		if strings.HasPrefix(name, "bucket") && name != "bucketSize" {
			named("## 4.", value)
		}
	}
	events := 0
	for name, value := range constants(t, "../ledger/leaf.go", "../ledger/purge.go") {
		switch {
		case strings.HasPrefix(name, "Event"):
			events++
			named("## 5.", value)
		case strings.HasPrefix(name, "Kind"), strings.HasPrefix(name, "Rule"):
			named("## 5.", value)
		}
	}
	if events < 12 {
		t.Errorf("only %d events in the source", events)
	}
	for _, field := range leafFields(t) {
		named("## 5.", field)
	}

	lines := rosterKeys(t)
	if len(lines) < 25 {
		t.Fatalf("only %d lines of a roster in the source: %v", len(lines), lines)
	}
	for _, line := range lines {
		if !regexp.MustCompile(`(?m)^    ` + line + `( |$)`).MatchString(section(f.page, "## 7.")) {
			t.Errorf("section 7 of docs/formats.md has no line %q", line)
		}
		if !regexp.MustCompile(`(?m)^` + line + `( |$)`).Match(f.vector("roster")) {
			t.Errorf("the roster in docs/formats.md has no line %q", line)
		}
	}
}

// section returns the part of the page that begins with that heading.
func section(page, heading string) string {
	_, rest, _ := strings.Cut(page, "\n"+heading)
	part, _, _ := strings.Cut(rest, "\n## ")
	return part
}

// constants returns the string constants of files by name.
func constants(t *testing.T, files ...string) map[string]string {
	t.Helper()
	values := map[string]string{}
	for _, file := range files {
		inspect(t, file, func(n ast.Node) {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return
			}
			for i, v := range spec.Values {
				if s, ok := text(v); ok {
					values[spec.Names[i].Name] = s
				}
			}
		})
	}
	return values
}

// leafFields returns the strings of the variable allFields.
func leafFields(t *testing.T) (fields []string) {
	t.Helper()
	inspect(t, "../ledger/leaf.go", func(n ast.Node) {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Names[0].Name != "allFields" {
			return
		}
		for _, e := range spec.Values[0].(*ast.CompositeLit).Elts {
			s, _ := text(e)
			fields = append(fields, s)
		}
	})
	if len(fields) == 0 {
		t.Fatal("no allFields in the source")
	}
	return fields
}

// rosterKeys returns what the roster's parser asks for at the beginning of a line.
func rosterKeys(t *testing.T) []string {
	t.Helper()
	keys := map[string]bool{}
	files, err := filepath.Glob("../seal/roster/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		inspect(t, file, func(n ast.Node) {
			switch n := n.(type) {
			case *ast.CallExpr:
				fn, ok := n.Fun.(*ast.SelectorExpr)
				if ok && len(n.Args) == 1 && slices.Contains([]string{"value", "uint", "desk", "peek", "exact"}, fn.Sel.Name) {
					if s, ok := text(n.Args[0]); ok && s != "" {
						keys[strings.TrimSpace(s)] = true
					}
				}
			case *ast.FuncDecl:
				if n.Name.Name != "optional" {
					return
				}
				ast.Inspect(n, func(n ast.Node) bool {
					if c, ok := n.(*ast.CompositeLit); ok && len(c.Elts) == 2 {
						if s, ok := text(c.Elts[0]); ok {
							keys[s] = true
						}
					}
					return true
				})
			}
		})
	}
	return slices.Sorted(maps.Keys(keys))
}

func inspect(t *testing.T, file string, fn func(ast.Node)) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		fn(n)
		return true
	})
}

// text returns the value of a string literal.
func text(e ast.Expr) (string, bool) {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return "", false
	}
	s, err := strconv.Unquote(lit.Value)
	return s, err == nil
}
