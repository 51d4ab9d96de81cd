package triage

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
	"filippo.io/age/plugin"
)

// pluginFile holds the identity of an age plugin, such as a hardware token's,
// if the key files are sealed to one. It says which program to ask and which
// slot of the token; without the token it opens nothing.
const pluginFile = "plugin.key"

// maxPluginFile bounds a plugin's identity file and what is sealed to it, in
// bytes; age-plugin-yubikey's has about 300.
const maxPluginFile = 64 << 10

// KeygenPlugin is Keygen with the key files sealed to the identity of an age
// plugin, whose file (as age-plugin-yubikey --identity writes it) is kept in
// the home. The worker key is opened once before the card is made: keys that
// nothing opens are no keys. The program is age-plugin-NAME on the PATH; see
// [Home.PluginUI] for what it asks.
func (h *Home) KeygenPlugin(name string, identityFile []byte) ([]byte, error) {
	id, err := h.parsePlugin(identityFile)
	if err != nil {
		return nil, err
	}
	return h.keygen(name, func(file string, plain []byte) error {
		if file == keyFiles[0] {
			if err := writeFile(h.path(pluginFile), identityFile); err != nil {
				return err
			}
		}
		sealed, err := sealToPlugin(plain, id)
		if err != nil {
			return fmt.Errorf("sealing %s: %w", h.path(file), err)
		}
		if file == keyFiles[0] {
			opened, err := openWithPlugin(sealed, id)
			if err != nil {
				return fmt.Errorf("trying to open %s: %w", h.path(file), err)
			}
			defer clear(opened)
			if !bytes.Equal(opened, plain) {
				return fmt.Errorf("trying to open %s: something else came out of it", h.path(file))
			}
		}
		return writeFile(h.path(file), sealed)
	})
}

// pluginIdentity returns the identity that the home's keys are sealed to, or
// nil if they are not sealed to a plugin's.
func (h *Home) pluginIdentity() (*plugin.Identity, error) {
	file, err := os.ReadFile(h.path(pluginFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the plugin's identity: %w", err)
	}
	return h.parsePlugin(file)
}

// parsePlugin reads an identity file that holds one plugin's identity and
// comments. No error quotes it: who confuses files must not find a secret key
// in a log.
func (h *Home) parsePlugin(file []byte) (*plugin.Identity, error) {
	if len(file) > maxPluginFile {
		return nil, fmt.Errorf("the plugin's identity: the file has %d bytes", len(file))
	}
	var found string
	for line := range strings.Lines(string(file)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case !strings.HasPrefix(line, "AGE-PLUGIN-"):
			return nil, errors.New("the plugin's identity: the file holds something else; make it with the plugin's own program, such as: age-plugin-yubikey --identity > plugin.key")
		case found != "":
			return nil, errors.New("the plugin's identity: the file holds several; leave the one to use")
		default:
			found = line
		}
	}
	if found == "" {
		return nil, errors.New("the plugin's identity: the file holds none, a line that begins with AGE-PLUGIN-")
	}
	ui := h.PluginUI
	if ui == nil {
		ui = new(plugin.ClientUI) // the plugin is told that nobody can be asked
	}
	id, err := plugin.NewIdentity(found, ui)
	if err != nil {
		return nil, errors.New("the plugin's identity: it is mistyped")
	}
	return id, nil
}

// sealToPlugin seals a key file as `age -e -a -i plugin.key` does.
func sealToPlugin(plain []byte, id *plugin.Identity) ([]byte, error) {
	var sealed bytes.Buffer
	text := armor.NewWriter(&sealed)
	w, err := age.Encrypt(text, id.Recipient())
	if err == nil {
		_, err = w.Write(plain)
	}
	if err == nil {
		err = errors.Join(w.Close(), text.Close())
	}
	if err != nil {
		return nil, pluginError(err)
	}
	return sealed.Bytes(), nil
}

// openWithPlugin opens what sealToPlugin made. The caller wipes the result.
func openWithPlugin(sealed []byte, id *plugin.Identity) ([]byte, error) {
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(sealed)), id)
	if err != nil {
		return nil, pluginError(err)
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxPluginFile))
	if err != nil {
		clear(plain)
		return nil, errors.New("the file is cut short or altered")
	}
	return plain, nil
}

// pluginError says what to do about a plugin that is not there or not the one.
func pluginError(err error) error {
	if missing, ok := errors.AsType[*plugin.NotFoundError](err); ok {
		return fmt.Errorf("the program age-plugin-%s is not on the PATH; install it", missing.Name)
	}
	if _, ok := errors.AsType[*age.NoIdentityMatchError](err); ok {
		return errors.New("the plugin does not open it: is it the token that it was sealed to?")
	}
	return err
}
