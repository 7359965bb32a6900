package api

import (
	"io/fs"
	"net/http"
	"path"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/phaseline/phaseline/internal/query"
)

// serveUI serves the UI's files, and its page for every path that the UI routes
// by itself (/requests/…, /compare). The files are open even where the API
// needs a token: they hold no data, and the page asks for the token.
func (s *server) serveUI(c *gin.Context) {
	name := strings.TrimPrefix(path.Clean(c.Request.URL.Path), "/")
	if s.UI == nil || c.Request.Method != http.MethodGet || name == "api" || strings.HasPrefix(name, "api/") {
		s.fail(c, failure(query.CodeNotFound, "", "%s is not served; the reference at /api lists what is", c.Request.URL.Path))
		return
	}
	if name == "" {
		name = "index.html"
	}
	if info, err := fs.Stat(s.UI, name); err != nil || info.IsDir() {
		if path.Ext(name) != "" {
			s.fail(c, failure(query.CodeNotFound, "", "there is no file %s", c.Request.URL.Path))
			return
		}
		name = "index.html"
	}
	if strings.HasPrefix(name, "assets/") { // their names carry a hash of their content
		c.Header("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		c.Header("Cache-Control", "no-cache")
	}
	// Not http.ServeFileFS: it redirects index.html to ./.
	body, err := fs.ReadFile(s.UI, name)
	if err != nil {
		s.fail(c, err)
		return
	}
	c.Data(http.StatusOK, contentType(name), body)
}

// contentType does not ask the machine's MIME table, which may be missing.
func contentType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".json", ".webmanifest":
		return "application/json"
	case ".png":
		return "image/png"
	case ".ico":
		return "image/x-icon"
	case ".woff2":
		return "font/woff2"
	case ".txt":
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}
