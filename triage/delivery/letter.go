package delivery

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"
)

// A Letter is the mail that carries a bag. Mail servers on its way keep its
// head in their logs: that says who writes to whom and that it is sealed, and
// nothing of what it is about.
type Letter struct {
	Organisation string // its name, for people
	To           string // plain address
	Language     string // of the few words in it: fr, nl, de, or else en
	Date         time.Time
}

// words are what a letter says: its subject, and its text with the bag's file
// name in it once.
type words struct{ subject, text string }

var letterWords = map[string]words{
	"en": {"Sealed hand-over", `This is a sealed hand-over. All there is to read is in the attached file, which
only your key opens. You need age 1.3 or newer, and tar:

    age -d -i your.key %s | tar -x

Then read report.html in the new directory first. Answer this mail if you can't
open the file, and write nothing in it about what the file holds.
`},
	"fr": {"Transmission scellée", `Ceci est une transmission scellée. Tout ce qu'il y a à lire se trouve dans le
fichier joint, que seule votre clé ouvre. Il vous faut age 1.3 ou plus récent,
et tar :

    age -d -i votre.cle %s | tar -x

Lisez ensuite d'abord report.html dans le nouveau répertoire. Répondez à ce
courriel si vous ne pouvez pas ouvrir le fichier, et n'y écrivez rien de ce que
le fichier contient.
`},
	"nl": {"Verzegelde overdracht", `Dit is een verzegelde overdracht. Alles wat er te lezen is, staat in het
bijgevoegde bestand, dat alleen uw sleutel opent. U hebt age 1.3 of nieuwer
nodig, en tar:

    age -d -i uw.sleutel %s | tar -x

Lees daarna eerst report.html in de nieuwe map. Beantwoord deze mail als u het
bestand niet kunt openen, en schrijf er niets in over wat het bestand bevat.
`},
	"de": {"Versiegelte Übergabe", `Dies ist eine versiegelte Übergabe. Alles, was zu lesen ist, steht in der
angehängten Datei, die nur Ihr Schlüssel öffnet. Sie brauchen age 1.3 oder
neuer und tar:

    age -d -i ihr.schluessel %s | tar -x

Lesen Sie dann zuerst report.html im neuen Verzeichnis. Antworten Sie auf diese
Mail, wenn Sie die Datei nicht öffnen können, und schreiben Sie nichts darüber
hinein, was die Datei enthält.
`},
}

// A message is a letter ready to be sent: what stands before and after the
// bag's base64, with lines that end in CRLF.
type message struct {
	head, tail []byte
	bag        *Bag
}

// messageID is the same for the same bag from the same sender, however often it
// is sent.
func messageID(from string, b *Bag) string {
	_, domain, _ := strings.Cut(from, "@")
	return fmt.Sprintf("<%x@%s>", b.Digest, domain)
}

// write returns the message that carries b.
func (l *Letter) write(from string, b *Bag) *message {
	w, ok := letterWords[l.Language]
	if !ok {
		w = letterWords["en"]
	}
	boundary := fmt.Sprintf("=_%x", b.Digest[:16])
	var m bytes.Buffer
	line := func(format string, args ...any) { fmt.Fprintf(&m, format+"\r\n", args...) }
	line("From: %s", (&mail.Address{Name: l.Organisation, Address: from}).String())
	line("To: <%s>", l.To)
	line("Date: %s", l.Date.Format(time.RFC1123Z))
	line("Message-ID: %s", messageID(from, b))
	line("Subject: %s", mime.QEncoding.Encode("utf-8", w.subject))
	line("Auto-Submitted: auto-generated") // RFC 3834: no notice of an absence answers it
	line("MIME-Version: 1.0")
	line("Content-Type: multipart/mixed; boundary=%q", boundary)
	line("\r\n--%s", boundary)
	line("Content-Type: text/plain; charset=utf-8")
	line("Content-Transfer-Encoding: quoted-printable\r\n")
	text := quotedprintable.NewWriter(&m)
	// A bytes.Buffer takes everything.
	_, _ = fmt.Fprintf(text, "%s\n\n", l.Organisation)
	_, _ = fmt.Fprintf(text, w.text, b.Name)
	_ = text.Close()
	line("\r\n--%s", boundary)
	line("Content-Type: application/octet-stream; name=%q", b.Name)
	line("Content-Disposition: attachment; filename=%q", b.Name)
	line("Content-Transfer-Encoding: base64\r\n")
	return &message{head: m.Bytes(), tail: fmt.Appendf(nil, "--%s--\r\n", boundary), bag: b}
}

const (
	lineBytes = 57 // that make 76 characters of base64, RFC 2045's longest line
	linesOnce = 512
)

// size is how many bytes WriteTo writes: what RFC 1870 has a client declare.
func (m *message) size() int64 {
	encoded := (m.bag.Size + 2) / 3 * 4
	lines := (m.bag.Size + lineBytes - 1) / lineBytes
	return int64(len(m.head)) + encoded + 2*lines + int64(len(m.tail))
}

// WriteTo writes the message, reading the bag as it goes.
func (m *message) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(m.head)
	total := int64(n)
	if err != nil {
		return total, err
	}
	in, out := make([]byte, lineBytes*linesOnce), make([]byte, 0, 78*linesOnce)
	for left := m.bag.Size; left > 0; {
		chunk := in[:min(left, int64(len(in)))]
		if _, err := io.ReadFull(m.bag.File, chunk); err != nil {
			return total, fmt.Errorf("reading the bag: %w", errors.Join(ErrChanged, err))
		}
		left -= int64(len(chunk))
		out = out[:0]
		for len(chunk) > 0 {
			line := chunk[:min(lineBytes, len(chunk))]
			chunk = chunk[len(line):]
			out = append(base64.StdEncoding.AppendEncode(out, line), "\r\n"...)
		}
		n, err := w.Write(out)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	n, err = w.Write(m.tail)
	return total + int64(n), err
}
