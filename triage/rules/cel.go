package rules

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/env"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/interpreter"

	"tocsin/report"
)

// Limits of a condition beyond its length. The longest that is shipped has
// about 20 nodes and costs less than 50.
const (
	maxNodes = 300
	maxDepth = 30
	maxCost  = 10_000
)

// operatorsAllowed are all that a condition can do with facts. None of them
// can fail on the types that the checker lets through, loop, or make a value
// larger than what it was given: without macros there is nothing to interrupt.
var operatorsAllowed = []string{
	operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot, operators.Conditional,
	operators.Equals, operators.NotEquals, operators.In,
}

// environment declares the facts, by the names of the form's fields.
var environment = sync.OnceValues(func() (*cel.Env, error) {
	subset := env.NewLibrarySubset().SetDisableMacros(true)
	for _, o := range operatorsAllowed {
		subset.AddIncludedFunctions(env.NewFunction(o))
	}
	options := []cel.EnvOption{
		cel.StdLib(cel.StdLibSubset(subset)),
		cel.ClearMacros(),
		cel.ParserExpressionSizeLimit(maxWhen),
		cel.ParserRecursionLimit(maxDepth),
		cel.ExpressionNodeLimit(maxNodes),
		cel.Variable(homeName, cel.StringType),
	}
	for _, f := range facts {
		t := cel.StringType
		switch f.kind {
		case FactYesNo, FactTold:
			t = cel.BoolType
		case FactList:
			t = cel.ListType(cel.StringType)
		}
		options = append(options, cel.Variable(f.name, t))
	}
	return cel.NewCustomEnv(options...)
})

// A condition is a compiled when.
type condition struct {
	program cel.Program
	expr    ast.Expr
	facts   []*fact // that it speaks of, in the order of Facts
}

// compile checks a condition: its types, and that it compares facts to nothing
// but answers that the form offers, so that a slip of the pen is no rule that
// never applies.
func compile(when string) (*condition, error) {
	e, err := environment()
	if err != nil {
		return nil, fmt.Errorf("preparing for conditions: %w", err)
	}
	if when == "" {
		return nil, errors.New("the condition is empty")
	}
	checked, issues := e.Compile(when)
	if issues.Err() != nil {
		return nil, fmt.Errorf("the condition %w", problem(issues))
	}
	if checked.OutputType() != cel.BoolType {
		return nil, errors.New("the condition is neither true nor false; compare what it speaks of to something")
	}
	c := &condition{expr: checked.NativeRep().Expr()}
	if err := c.inspect(); err != nil {
		return nil, err
	}
	// Exhaustive, because every answer that leads to a result is told.
	c.program, err = e.Program(checked, cel.EvalOptions(cel.OptPartialEval|cel.OptExhaustiveEval), cel.CostLimit(maxCost))
	if err != nil {
		return nil, fmt.Errorf("the condition can't be used: %w", err)
	}
	return c, nil
}

// problem returns the first thing that is wrong, on one line.
func problem(i *cel.Issues) error {
	first := i.Errors()[0]
	message := strings.ReplaceAll(first.Message, " (in container '')", "") // there are no containers here
	return fmt.Errorf("is wrong at character %d: %s", first.Location.Column()+1, strings.Join(strings.Fields(message), " "))
}

// inspect finds the facts that a condition speaks of and refuses what no
// answer could be compared to.
func (c *condition) inspect() error {
	names := make(map[string]bool)
	var literals []string
	var err error
	ast.PreOrderVisit(c.expr, ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.IdentKind:
			names[e.AsIdent()] = true
		case ast.LiteralKind:
			switch v := e.AsLiteral().Value().(type) {
			case string:
				literals = append(literals, v)
			case bool:
			default:
				err = errors.New("the condition holds something else than facts, texts, lists, true and false")
			}
		case ast.CallKind, ast.ListKind:
		default:
			err = errors.New("the condition holds something else than facts, texts, lists, true and false")
		}
	}))
	if err != nil {
		return err
	}
	var choices []string
	for i := range facts {
		if names[facts[i].name] {
			c.facts = append(c.facts, &facts[i])
			choices = append(choices, facts[i].choices...)
		}
	}
	if len(c.facts) == 0 {
		return errors.New("the condition speaks of no fact")
	}
	for _, l := range literals {
		if l == report.Unknown {
			return errors.New(`the condition can't ask for "unknown": a rule that needs an answer that is not there is undecided`)
		}
		if !slices.Contains(choices, l) {
			return fmt.Errorf("the form offers no answer %q to what the condition speaks of", l)
		}
	}
	return nil
}

// A verdict is what became of a condition.
type verdict int

const (
	no verdict = iota
	yes
	undecided
)

// evaluate returns the verdict; with yes, the answers that led to it; if it is
// undecided, those that are missing.
func (c *condition) evaluate(r *report.Report, home string) (verdict, []Answer, error) {
	values := map[string]any{homeName: home}
	var unknowns []*cel.AttributePatternType
	for _, f := range c.facts {
		if v, _ := f.read(r); v != nil {
			values[f.name] = v
		} else {
			unknowns = append(unknowns, cel.AttributePattern(f.name))
		}
	}
	vars, err := cel.PartialVars(values, unknowns...)
	if err != nil {
		return undecided, nil, fmt.Errorf("preparing the facts: %w", err)
	}
	out, details, err := c.program.Eval(vars)
	if err != nil {
		return undecided, nil, fmt.Errorf("deciding: %w", err)
	}
	names := make(map[string]bool)
	switch out := out.(type) {
	case types.Bool:
		if !out {
			return no, nil, nil
		}
		reasons(c.expr, details.State(), names)
		return yes, c.answers(r, names), nil
	case *types.Unknown:
		for _, id := range out.IDs() {
			trails, _ := out.GetAttributeTrails(id)
			for _, t := range trails {
				names[t.Variable()] = true
			}
		}
		return undecided, c.answers(r, names), nil
	}
	return undecided, nil, fmt.Errorf("deciding: neither true, false nor unknown, but %s", out.Type().TypeName())
}

// answers returns those that the named facts come from, each once.
func (c *condition) answers(r *report.Report, names map[string]bool) []Answer {
	list := []Answer{}
	for _, f := range c.facts {
		if !names[f.name] {
			continue
		}
		_, answers := f.read(r)
		for _, a := range answers {
			if !slices.Contains(list, a) {
				list = append(list, a)
			}
		}
	}
	return list
}

// reasons adds the facts that made an expression what it is: of an or that
// holds, only those on the sides that hold; of an and that doesn't, only those
// on the sides that don't.
func reasons(e ast.Expr, state interpreter.EvalState, names map[string]bool) {
	switch e.Kind() {
	case ast.IdentKind:
		names[e.AsIdent()] = true
		return
	case ast.ListKind:
		for _, element := range e.AsList().Elements() {
			reasons(element, state, names)
		}
		return
	case ast.CallKind:
	default:
		return
	}
	args := e.AsCall().Args()
	result, _ := state.Value(e.ID())
	switch fn := e.AsCall().FunctionName(); {
	case fn == operators.LogicalOr && result == types.True, fn == operators.LogicalAnd && result == types.False:
		args = slices.DeleteFunc(slices.Clone(args), func(a ast.Expr) bool {
			v, _ := state.Value(a.ID())
			return v != result
		})
	case fn == operators.Conditional:
		if v, _ := state.Value(args[0].ID()); v == types.True {
			args = args[:2]
		} else {
			args = []ast.Expr{args[0], args[2]}
		}
	}
	for _, a := range args {
		reasons(a, state, names)
	}
}
