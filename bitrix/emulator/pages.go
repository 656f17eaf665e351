package emulator

import "net/http"

type frame struct{}

func (p *Portal) pages(*http.ServeMux) {}
