package main

import (
	"crypto/tls"
	"net"
	"path/filepath"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// letsEncrypt is the certificate authority unless ACME_URL names another.
const letsEncrypt = autocert.DefaultACMEDirectory

// certificates is the folder below DATA_DIR that holds the account's and the
// certificates' keys.
const certificates = "acme"

// withTLS ends TLS on a listener where ACME_HOSTS is set. Certificates come
// when they are first asked for and are renewed in time; the authority proves
// a host by TLS on the same port (TLS-ALPN-01), so port 443 is all that must
// be reachable. The protocol is HTTP/1.1, which is what the server speaks.
func withTLS(l net.Listener, s settings) net.Listener {
	if len(s.acmeHosts) == 0 {
		return l
	}
	m := &autocert.Manager{
		Prompt:     autocert.AcceptTOS,
		Cache:      autocert.DirCache(filepath.Join(s.dataDir, certificates)),
		HostPolicy: autocert.HostWhitelist(s.acmeHosts...),
		Email:      s.acmeEmail,
		Client:     &acme.Client{DirectoryURL: s.acmeURL, UserAgent: "spa-importer"},
	}
	return tls.NewListener(l, &tls.Config{
		GetCertificate: m.GetCertificate,
		NextProtos:     []string{"http/1.1", acme.ALPNProto},
		MinVersion:     tls.VersionTLS12,
	})
}
