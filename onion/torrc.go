package onion

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// redacted is what must not get from tor's log into ours, even though tor
// scrubs addresses itself (SafeLogging): onion addresses, IP addresses, relay
// fingerprints.
var redacted = regexp.MustCompile(`[a-z2-7]{56}(\.onion)?|\b\d{1,3}(\.\d{1,3}){3}(:\d+)?|\[?[0-9a-fA-F]{0,4}(:[0-9a-fA-F]{0,4}){3,}\]?(:\d+)?|\$?\b[0-9A-F]{40}\b(~\w+)?`)

// writeTorrc writes the torrc of our own tor into dir, with the lines of the
// file extra after ours, and returns its path.
//
// SocksPort 0: nobody on this machine can use this tor as a client. The
// control socket and its cookie lie in a directory that only this user enters.
// GeoIP files cost 20 MB of memory and serve no service.
func writeTorrc(dir, extra string) (string, error) {
	if err := os.MkdirAll(filepath.Join(dir, "data"), 0o700); err != nil {
		return "", fmt.Errorf("making tor's directory: %w", err)
	}
	// tor refuses to put its sockets where others may look; umask may have
	// been wider when the directory was made.
	if err := os.Chmod(dir, 0o700); err != nil {
		return "", fmt.Errorf("making tor's directory private: %w", err)
	}
	var b strings.Builder
	set := func(option, value string) { fmt.Fprintf(&b, "%s %s\n", option, value) }
	set("DataDirectory", quote(filepath.Join(dir, "data")))
	set("ControlSocket", quote(controlSocket(dir)))
	set("CookieAuthentication", "1")
	set("CookieAuthFile", quote(filepath.Join(dir, "cookie")))
	set("SocksPort", "0")
	set("ClientOnly", "1")
	set("SafeLogging", "1")
	set("Log", "notice stdout")
	set("GeoIPFile", "/dev/null")
	set("GeoIPv6File", "/dev/null")
	if extra == "" {
		// Only pluggable transports would be run, and only bridges need them.
		set("NoExec", "1")
	} else {
		path, err := filepath.Abs(extra)
		if err != nil {
			return "", err
		}
		set("%include", quote(path))
	}
	name := filepath.Join(dir, "torrc")
	if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
		return "", fmt.Errorf("writing tor's configuration: %w", err)
	}
	return name, nil
}

// quote writes a value as torrc takes it: a C string.
func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}
