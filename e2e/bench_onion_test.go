package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"tocsin/testtor"
)

// BenchmarkOnion prints what the onion service costs in a private Tor network
// on this machine: seconds from the server's start until a client of Tor has
// its page; then, pair by pair, how long a page and an upload take through it
// and through a plain tor that forwards to a trivial server, as a ratio. The
// figures in between are of this network, which has no distance in it.
func BenchmarkOnion(b *testing.B) {
	network, err := testtor.Start(b.Context(), b.TempDir(), b.Logf)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { network.Close() })
	client, err := network.Client(b.Context(), "witness")
	if err != nil {
		b.Fatal(err)
	}
	proxy := &url.URL{Scheme: "socks5h", Host: client.SOCKS}
	through := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(proxy)}, Timeout: 2 * time.Minute}

	trivial, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	page := bytes.Repeat([]byte("a page of the same size "), 200)
	go http.Serve(trivial, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(page)
	}))
	b.Cleanup(func() { trivial.Close() })
	plain, err := network.Service(b.Context(), "plain", trivial.Addr().String(), "HiddenServicePoWDefensesEnabled 1")
	if err != nil {
		b.Fatal(err)
	}

	dir := setUp(b)
	web := "http://" + address(b, dir)
	var starts []float64
	var s *server
	for range 3 {
		if s != nil {
			s.stop(b)
		}
		begun := time.Now()
		s = startOnion(b, dir, network)
		ctx, cancel := context.WithTimeout(b.Context(), 2*time.Minute)
		eventually(b, 2*time.Minute, "a client of Tor has the page", func() bool {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, web+"/en/", nil)
			if err != nil {
				b.Fatal(err)
			}
			resp, err := through.Do(req)
			if err != nil {
				// The client remembers where it failed, and would wait.
				_ = client.NewIdentity(ctx)
				return false
			}
			defer resp.Body.Close()
			_, err = io.Copy(io.Discard, resp.Body)
			return err == nil && resp.StatusCode == http.StatusOK
		})
		cancel()
		starts = append(starts, time.Since(begun).Seconds())
		through.CloseIdleConnections()
	}

	const size = 8 << 20
	content := make([]byte, size)
	rand.Read(content)
	get := func(address string) float64 {
		return seconds(b, func() error {
			_, err := fetchBody(through, address)
			return err
		})
	}
	upload := func(address, codename string) float64 {
		return seconds(b, func() error {
			return send(through, address, "test", codename, [][2]string{{"what.seen", "x"}}, attachment{"f.jpg", bytes.NewReader(content)})
		})
	}
	// The trivial server's answer has no codename in it; it is asked by hand.
	plainUpload := func() float64 {
		return seconds(b, func() error {
			contentType, body := reportBody("x", [][2]string{{"what.seen", "x"}}, attachment{"f.jpg", bytes.NewReader(content)})
			resp, err := through.Post("http://"+plain.Address+"/", contentType, body)
			if err != nil {
				return err
			}
			defer resp.Body.Close()
			_, err = io.Copy(io.Discard, resp.Body)
			return err
		})
	}
	get(web + "/en/report") // circuits and connections are there
	get("http://" + plain.Address + "/")
	var pages, pageRatios, rates, plainRates, rateRatios []float64
	for range 15 {
		ours, theirs := get(web+"/en/report"), get("http://"+plain.Address+"/")
		pages, pageRatios = append(pages, 1000*ours), append(pageRatios, ours/theirs)
	}
	for range 7 {
		codename, err := form(through, web)
		if err != nil {
			b.Fatal(err)
		}
		ours, theirs := size/1e6/upload(web, codename), size/1e6/plainUpload()
		rates, plainRates, rateRatios = append(rates, ours), append(plainRates, theirs), append(rateRatios, ours/theirs)
	}
	s.stop(b)
	for range b.N {
		// What is measured was measured above, once.
	}
	b.ReportMetric(0, "ns/op")
	for _, m := range []struct {
		what   string
		values []float64
	}{
		{"s from start to reachable", starts},
		{"ms a page through the onion", pages},
		{"times a trivial server's page through plain tor", pageRatios},
		{"MB/s uploaded through the onion, sealed and on disk", rates},
		{"MB/s uploaded through plain tor to a trivial server", plainRates},
		{"of the rate through plain tor, pair by pair", rateRatios},
	} {
		slices.Sort(m.values)
		fmt.Printf("%8.2f  %s (%.2f to %.2f, %d times)\n", m.values[len(m.values)/2], m.what, m.values[0], m.values[len(m.values)-1], len(m.values))
	}
}

func seconds(b *testing.B, do func() error) float64 {
	b.Helper()
	begun := time.Now()
	if err := do(); err != nil {
		b.Fatal(err)
	}
	return time.Since(begun).Seconds()
}
