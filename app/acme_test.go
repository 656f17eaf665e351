package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// authority is a certificate authority as RFC 8555 has it, for one account
// and one order at a time. It checks hosts by TLS-ALPN-01 at an address.
type authority struct {
	*httptest.Server
	dial string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate

	mu     sync.Mutex
	host   string
	proved bool
	issued []byte // PEM
	orders int
	fault  error
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{}
	var err error
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Replay-Nonce", fmt.Sprint(time.Now().UnixNano()))
	var payload struct {
		Identifiers []struct{ Value string }
		CSR         string
	}
	if r.Method == http.MethodPost {
		var jws struct{ Payload string }
		if err := json.NewDecoder(r.Body).Decode(&jws); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		raw, err := base64.RawURLEncoding.DecodeString(jws.Payload)
		if err == nil && len(raw) > 0 {
			err = json.Unmarshal(raw, &payload)
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	answer := func(status int, location string, v any) {
		w.Header().Set("Content-Type", "application/json")
		if location != "" {
			w.Header().Set("Location", a.URL+location)
		}
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(v)
	}
	state := func(done bool, before, after string) string {
		if done {
			return after
		}
		return before
	}
	challenge := map[string]any{"type": "tls-alpn-01", "url": a.URL + "/challenge", "token": "token-of-the-test", "status": state(a.proved, "pending", "valid")}
	order := map[string]any{
		"status": state(a.issued != nil, state(a.proved, "pending", "ready"), "valid"), "authorizations": []string{a.URL + "/authz"},
		"finalize": a.URL + "/finalize", "certificate": a.URL + "/cert",
		"identifiers": []map[string]string{{"type": "dns", "value": a.host}},
	}
	switch r.URL.Path {
	case "/":
		answer(http.StatusOK, "", map[string]string{"newNonce": a.URL + "/nonce", "newAccount": a.URL + "/account", "newOrder": a.URL + "/orders"})
	case "/nonce":
	case "/account":
		answer(http.StatusCreated, "/account/1", map[string]string{"status": "valid"})
	case "/orders":
		a.host, a.proved, a.issued = payload.Identifiers[0].Value, false, nil
		a.orders++
		order["status"] = "pending"
		answer(http.StatusCreated, "/order", order)
	case "/order":
		answer(http.StatusOK, "/order", order)
	case "/authz":
		answer(http.StatusOK, "", map[string]any{
			"status": state(a.proved, "pending", "valid"), "challenges": []any{challenge},
			"identifier": map[string]string{"type": "dns", "value": a.host},
		})
	case "/challenge":
		a.fault = a.prove()
		a.proved = a.fault == nil
		answer(http.StatusOK, "", challenge)
	case "/finalize":
		if a.fault = a.issue(payload.CSR); a.fault != nil {
			http.Error(w, a.fault.Error(), http.StatusBadRequest)
			return
		}
		order["status"] = "valid"
		answer(http.StatusOK, "/order", order)
	case "/cert":
		w.Header().Set("Content-Type", "application/pem-certificate-chain")
		w.Write(a.issued)
	default:
		http.NotFound(w, r)
	}
}

// prove looks for the extension of RFC 8737 at the server.
func (a *authority) prove() error {
	conn, err := tls.Dial("tcp", a.dial, &tls.Config{ServerName: a.host, NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true})
	if err != nil {
		return err
	}
	defer conn.Close()
	for _, e := range conn.ConnectionState().PeerCertificates[0].Extensions {
		if e.Id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 31}) {
			return nil
		}
	}
	return fmt.Errorf("no proof in the certificate of %s", a.host)
}

func (a *authority) issue(csr string) error {
	der, err := base64.RawURLEncoding.DecodeString(csr)
	if err != nil {
		return err
	}
	request, err := x509.ParseCertificateRequest(der)
	if err != nil {
		return err
	}
	cert, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: request.DNSNames, NotBefore: time.Now().Add(-time.Minute),
		NotAfter: time.Now().Add(90 * 24 * time.Hour), ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, a.cert, request.PublicKey, a.key)
	if err != nil {
		return err
	}
	a.issued = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})
	return nil
}

// The program gets a certificate for its host, keeps it, and serves with it;
// for other hosts it asks for none.
func TestBuiltInTLS(t *testing.T) {
	ca := newAuthority(t)
	dir := t.TempDir()
	serve := func() (address string, stop func()) {
		s, _, err := readSettings(nil, env("DATA_DIR", dir, "ACME_HOSTS", "spa.example.com, SPA.example.org", "ACME_EMAIL", "ops@example.com",
			"ACME_URL", ca.URL+"/"))
		if err != nil {
			t.Fatal(err)
		}
		if s.publicURL != "https://spa.example.com" {
			t.Errorf("PUBLIC_URL is %s", s.publicURL)
		}
		p, err := open(t.Context(), s, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- p.serve(ctx, l) }()
		return l.Addr().String(), func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
			if err := p.close(context.Background()); err != nil {
				t.Error(err)
			}
		}
	}
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	ask := func(address, host string) (*http.Response, error) {
		client := &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{
			DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots},
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, "tcp", address)
			},
		}}
		res, err := client.Get("https://" + host + "/health")
		if err == nil {
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
		return res, err
	}
	address, stop := serve()
	ca.dial = address
	res, err := ask(address, "spa.example.com")
	if err != nil || res.StatusCode != http.StatusOK || res.TLS.Version < tls.VersionTLS12 {
		t.Fatalf("%v, %v; the authority says %v", res, err, ca.fault)
	}
	if got := res.Header.Get("Strict-Transport-Security"); !strings.HasPrefix(got, "max-age=") {
		t.Errorf("Strict-Transport-Security: %q", got)
	}
	if _, err := ask(address, "other.example.com"); err == nil || ca.orders != 1 {
		t.Errorf("another host: %v, %d orders", err, ca.orders)
	}
	stop()

	// After a restart the certificate is still there, and nobody but the
	// owner can read its key.
	address, stop = serve()
	defer stop()
	if res, err = ask(address, "spa.example.com"); err != nil || res.StatusCode != http.StatusOK || ca.orders != 1 {
		t.Errorf("after a restart: %v, %d orders", err, ca.orders)
	}
	kept, err := filepath.Glob(filepath.Join(dir, certificates, "*"))
	if err != nil || len(kept) == 0 {
		t.Fatalf("kept: %v %v", kept, err)
	}
	for _, name := range append(kept, filepath.Join(dir, certificates)) {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: %v %v", name, info, err)
		}
	}
}

func TestTLSSettings(t *testing.T) {
	for _, c := range [][]string{
		{"ACME_HOSTS", "https://spa.example.com"},
		{"ACME_HOSTS", "spa.example.com:443"},
		{"ACME_HOSTS", "192.0.2.1"},
		{"ACME_HOSTS", "localhost"},
		{"ACME_HOSTS", "spa.example.com", "PUBLIC_URL", "https://other.example.com"},
		{"ACME_HOSTS", "spa.example.com", "PUBLIC_URL", "http://spa.example.com"},
		{"ACME_HOSTS", "spa.example.com", "ACME_URL", "letsencrypt"},
	} {
		if _, _, err := readSettings(nil, env(c...)); err == nil {
			t.Errorf("%q is taken", c)
		}
	}
	var out bytes.Buffer
	if code := run(t.Context(), []string{"settings"}, env("ACME_HOSTS", "spa.example.com"), strings.NewReader(""), &out, &out); code != 0 ||
		!strings.Contains(out.String(), "spa.example.com") {
		t.Errorf("%d %s", code, out.String())
	}
}
