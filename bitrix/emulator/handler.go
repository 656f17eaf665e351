package emulator

import (
	"net/http"
	"strings"
)

// Handler serves the portal: REST under /rest/, and its own pages. A portal
// that was renamed answers every request to its old host with a redirect.
func (p *Portal) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/rest/", p.serveREST)
	p.pages(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.wasAt(r.Host) {
			answer{}.redirect(p.URL()+r.URL.RequestURI()).write(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

func (p *Portal) serveREST(w http.ResponseWriter, r *http.Request) {
	// Scripts of the app may call REST from its own origin.
	w.Header().Set("Access-Control-Allow-Origin", "*")
	w.Header().Set("Access-Control-Allow-Headers", "Content-Type, Authorization")
	w.Header().Set("Access-Control-Allow-Methods", "GET, POST, OPTIONS")
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	in, err := readInbound(r)
	if err != nil || strings.TrimPrefix(r.URL.Path, "/rest/") == "" {
		http.Error(w, "cannot read the request", http.StatusBadRequest)
		return
	}
	p.rest(r.Context(), in).write(w, r)
}
