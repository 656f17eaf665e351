package handlers_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v2"
	"golang.org/x/net/html"

	spaimporter "github.com/spa-importer/spa-importer"
)

// TestEveryLinkLeadsSomewhere follows every link, image, style sheet, script
// and form of every page in every state: files are there and not empty,
// buttons have a route, parts of the page that are pointed at exist, paths of
// the portal are pages of the portal, and what leads elsewhere is one of the
// addresses that the manifest names.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	seen := map[string]bool{}
	for name, walk := range walks {
		walk(t, "en", func(s *site, name string, p page) {
			tree, err := html.Parse(strings.NewReader(p.body))
			must(t, err)
			at := crawl{t: t, site: s, name: name, ids: map[string]int{}, seen: seen}
			at.collect(tree)
			at.follow(tree)
			if words := strings.Fields(at.words.String()); len(words) < 8 {
				t.Errorf("%s is all but empty: %q", name, words)
			}
		})
		if t.Failed() {
			t.Logf("in the walk %q", name)
		}
	}
	if len(seen) < 40 {
		t.Errorf("only %d addresses were found", len(seen))
	}
}

// crawl is one page that is looked through.
type crawl struct {
	t     *testing.T
	site  *site
	name  string
	ids   map[string]int
	words strings.Builder
	// seen are the addresses that were followed, of all pages.
	seen map[string]bool
}

func (c *crawl) collect(n *html.Node) {
	if id := attribute(n, "id"); id != "" {
		if c.ids[id]++; c.ids[id] > 1 {
			c.t.Errorf("%s: two elements are called %s", c.name, id)
		}
	}
	if n.Type == html.TextNode && n.Parent.Data != "script" && n.Parent.Data != "title" {
		c.words.WriteString(n.Data + " ")
	}
	for child := range n.ChildNodes() {
		c.collect(child)
	}
}

func (c *crawl) follow(n *html.Node) {
	for _, name := range []string{"for", "form", "aria-labelledby", "aria-describedby", "aria-controls", "data-ask"} {
		for _, id := range strings.Fields(attribute(n, name)) {
			if c.ids[id] == 0 {
				c.t.Errorf("%s: %s of <%s> points at %q, which is not there", c.name, name, n.Data, id)
			}
		}
	}
	switch n.Data {
	case "a", "link":
		c.link(n, attribute(n, "href"))
	case "img", "script":
		if src := attribute(n, "src"); src != "" || n.Data == "img" {
			c.link(n, src)
		}
	case "form":
		if action := attribute(n, "action"); action != "" {
			c.route(attribute(n, "method"), action)
		}
	case "button", "input":
		if action := attribute(n, "formaction"); action != "" {
			c.route("post", action)
		}
	}
	for child := range n.ChildNodes() {
		c.follow(child)
	}
}

// link follows an address: our own is asked for, the portal's too.
func (c *crawl) link(n *html.Node, address string) {
	c.t.Helper()
	u, err := url.Parse(address)
	switch {
	case err != nil || address == "":
		c.t.Errorf("%s: <%s> leads to %q: %v", c.name, n.Data, address, err)
	case strings.HasPrefix(address, "#"):
		if c.ids[u.Fragment] == 0 {
			c.t.Errorf("%s: #%s is not there", c.name, u.Fragment)
		}
	case c.seen[address]:
	case u.Host == portalHost:
		c.seen[address] = true
		r := httptest.NewRequest(http.MethodGet, u.RequestURI(), http.NoBody)
		r.Host = portalHost
		w := httptest.NewRecorder()
		c.site.portal.Handler().ServeHTTP(w, r)
		if path := attribute(n, "data-portal-path"); w.Code != http.StatusOK || path != "" && path != u.RequestURI() {
			// Items of states that were made up are nowhere.
			if !regexp.MustCompile(`/details/(14\d\d|1[67]\d\d)/`).MatchString(address) {
				c.t.Errorf("%s: the portal answers %d to %s (%s)", c.name, w.Code, address, path)
			}
		}
	case u.Host != "":
		m, err := spaimporter.Load()
		must(c.t, err)
		known := []string{m.Support.URL, m.Support.Security, m.Legal.Terms, m.Legal.Privacy, "https://github.com/spa-importer/spa-importer"}
		if !slices.ContainsFunc(known, func(k string) bool { return k == address }) {
			c.t.Errorf("%s: leads to %s, which the manifest does not name", c.name, address)
		}
	default:
		c.seen[address] = true
		answer, err := c.site.server.App().Test(httptest.NewRequest(http.MethodGet, address, http.NoBody), 20_000)
		must(c.t, err)
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		must(c.t, err)
		if answer.StatusCode != http.StatusOK || len(body) == 0 {
			c.t.Errorf("%s: %s answers %d with %d bytes", c.name, address, answer.StatusCode, len(body))
		}
	}
}

// route sees to it that a button has somebody who answers it.
func (c *crawl) route(method, address string) {
	c.t.Helper()
	path, _, _ := strings.Cut(address, "?")
	for _, route := range c.site.server.App().GetRoutes(true) {
		if strings.EqualFold(route.Method, method) && fiber.RoutePatternMatch(path, route.Path) {
			c.seen[method+" "+route.Path] = true
			return
		}
	}
	c.t.Errorf("%s: nobody answers %s %s", c.name, method, address)
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}
