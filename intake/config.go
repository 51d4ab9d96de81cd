package intake

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"time"
)

// Config is what the operator of one machine may choose. What the organisation
// chooses for its witnesses (largest report, largest file, number of files,
// whether files are taken at all) is in the roster's policy instead, which is
// signed.
//
// As a file it is JSON; every field may be left out, an unknown one is an
// error.
type Config struct {
	// Streams is how many reports with files may be coming in at once. Each
	// holds about 2 MiB of memory. A text-only report needs none of them, so a
	// flood of files does not keep a text out. Default 64.
	Streams int `json:"streams"`
	// Bodies is how many request bodies may be read at once, with or without
	// files. Each holds at most 64 KiB of text, or half a MiB while a page
	// that shows the text again is taken in; one in sixteen may hold 1 MiB of
	// text, or 7 MiB with such a page. Default 512: at worst some 500 MiB, and
	// 128 MiB for the streams. Four times as many connections may be open.
	// Who comes back with a codename gets half of the places at most.
	Bodies int `json:"bodies"`
	// MinBytesPerSecond is the slowest average rate of a request body over
	// RateWindowSeconds. Default 256: a bad line to an onion service is slow,
	// a connection that only wants to occupy a place is slower. While fewer
	// than a quarter of Bodies are free, it is sixteen times as high, and while
	// none is, who falls below it for some seconds makes room.
	MinBytesPerSecond int64 `json:"min_bytes_per_second"`
	// RateWindowSeconds is the time over which the rate is averaged, and the
	// longest silence. Default 60.
	RateWindowSeconds int `json:"rate_window_seconds"`
	// HeaderBytes bounds the request line and headers. Default 16384.
	HeaderBytes int `json:"header_bytes"`
	// HeaderSeconds is how long a client may take to send them. Default 30.
	HeaderSeconds int `json:"header_seconds"`
	// IdleSeconds is how long an unused connection is kept. Default 60.
	IdleSeconds int `json:"idle_seconds"`
	// DrainSeconds is how long uploads in progress may go on after SIGTERM.
	// Default 60.
	DrainSeconds int `json:"drain_seconds"`
	// FreeDiskBytes is the free space below which no report with files is let
	// in. Texts may use half of it. Default 1 GiB.
	FreeDiskBytes int64 `json:"free_disk_bytes"`
	// ReportsPerHour is how many reports and additions are taken in an hour.
	// Those with files may be at most half of them, so that a flood of files
	// leaves room for texts. Default 36000: ten a second, and as
	// texts some 1 GB.
	ReportsPerHour int `json:"reports_per_hour"`
	// FileBytesPerHour is how many bytes reports with files may bring in an
	// hour. Default 64 GiB.
	FileBytesPerHour int64 `json:"file_bytes_per_hour"`
	// NumbersMaxAgeDays is the age past which the page says that a telephone
	// number or address on it may be out of date. Default 365.
	NumbersMaxAgeDays int `json:"numbers_max_age_days"`
	// Address is under which address witnesses know the site, for posters and
	// cards: https://, a host, and nothing after it. Default: none, or that of
	// --tls-name.
	Address string `json:"address"`
}

// DefaultConfig is what holds where the file says nothing.
func DefaultConfig() Config {
	return Config{
		Streams:           64,
		Bodies:            512,
		MinBytesPerSecond: 256,
		RateWindowSeconds: 60,
		HeaderBytes:       16 << 10,
		HeaderSeconds:     30,
		IdleSeconds:       60,
		DrainSeconds:      60,
		FreeDiskBytes:     1 << 30,
		ReportsPerHour:    36000,
		FileBytesPerHour:  64 << 30,
		NumbersMaxAgeDays: 365,
	}
}

// maxConfig bounds the configuration file, in bytes.
const maxConfig = 64 << 10

// LoadConfig reads the file of that name over the defaults.
func LoadConfig(name string) (Config, error) {
	f, err := os.Open(name)
	if err != nil {
		return Config{}, fmt.Errorf("opening the configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxConfig+1))
	if err != nil {
		return Config{}, fmt.Errorf("reading the configuration: %w", err)
	}
	if len(data) > maxConfig {
		return Config{}, fmt.Errorf("reading the configuration %s: larger than %d bytes", name, maxConfig)
	}
	c, err := ParseConfig(data)
	if err != nil {
		return Config{}, fmt.Errorf("reading the configuration %s: %w", name, err)
	}
	return c, nil
}

// ParseConfig reads a configuration over the defaults and checks it.
func ParseConfig(data []byte) (Config, error) {
	c := DefaultConfig()
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return Config{}, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Config{}, errors.New("something follows the object")
	}
	if err := c.check(); err != nil {
		return Config{}, err
	}
	return c, nil
}

// check refuses what can't work. Everything is a positive number, below bounds
// that only a slip of the keyboard would pass.
func (c Config) check() error {
	for _, f := range []struct {
		name     string
		value    int64
		min, max int64
	}{
		{"streams", int64(c.Streams), 1, 1 << 16},
		{"bodies", int64(c.Bodies), 1, 1 << 20},
		{"min_bytes_per_second", c.MinBytesPerSecond, 1, 1 << 30},
		{"rate_window_seconds", int64(c.RateWindowSeconds), 1, 3600},
		{"header_bytes", int64(c.HeaderBytes), 8 << 10, 1 << 20},
		{"header_seconds", int64(c.HeaderSeconds), 1, 3600},
		{"idle_seconds", int64(c.IdleSeconds), 1, 3600},
		{"drain_seconds", int64(c.DrainSeconds), 0, 86400},
		{"free_disk_bytes", c.FreeDiskBytes, 0, 1 << 50},
		{"reports_per_hour", int64(c.ReportsPerHour), 1, 1 << 30},
		{"file_bytes_per_hour", c.FileBytesPerHour, 1 << 20, 1 << 50},
		{"numbers_max_age_days", int64(c.NumbersMaxAgeDays), 1, 36500},
	} {
		if f.value < f.min || f.value > f.max {
			return fmt.Errorf("%s is %d: it must lie between %d and %d", f.name, f.value, f.min, f.max)
		}
	}
	if c.Address == "" {
		return nil
	}
	u, err := url.Parse(c.Address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || c.Address != u.Scheme+"://"+u.Host {
		return fmt.Errorf("address is %q: it must be like https://tips.example.org, with nothing after the host", c.Address)
	}
	return nil
}

// window is RateWindowSeconds as a duration.
func (c Config) window() time.Duration { return time.Duration(c.RateWindowSeconds) * time.Second }
