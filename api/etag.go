package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"path"
	"strings"

	"github.com/gin-gonic/gin"
)

// tag gives successful answers to reads an ETag of their body and answers 304
// when the caller has that body already. Answers are bounded by the limits of
// internal/query, so they fit in memory.
func (s *server) tag(c *gin.Context) {
	if c.Request.Method != http.MethodGet {
		return
	}
	held := &heldResponse{ResponseWriter: c.Writer, status: http.StatusOK}
	c.Writer = held
	func() {
		defer func() { c.Writer = held.ResponseWriter }() // also for what recovers from a panic
		c.Next()
	}()
	c.Header("Cache-Control", "private, no-cache")
	if strings.HasPrefix(c.Writer.Header().Get("Content-Type"), "text/csv") {
		c.Header("Content-Disposition", `attachment; filename="phaseline-`+path.Base(c.FullPath())+`.csv"`)
	}
	if held.status == http.StatusOK {
		sum := sha256.Sum256(held.body.Bytes())
		// Weak: compression on the way changes the bytes, not the answer.
		etag := `W/"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
		c.Header("ETag", etag)
		if matches(c.GetHeader("If-None-Match"), etag) {
			c.Writer.Header().Del("Content-Type")
			c.Writer.Header().Del("Content-Length")
			c.Writer.WriteHeader(http.StatusNotModified)
			c.Writer.WriteHeaderNow()
			return
		}
	}
	c.Writer.WriteHeader(held.status)
	_, _ = c.Writer.Write(held.body.Bytes()) // the client may be gone
}

func matches(header, etag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}

// heldResponse keeps status and body back; headers go through.
type heldResponse struct {
	gin.ResponseWriter
	status int
	body   bytes.Buffer
}

func (h *heldResponse) WriteHeader(status int)            { h.status = status }
func (h *heldResponse) WriteHeaderNow()                   {}
func (h *heldResponse) Write(b []byte) (int, error)       { return h.body.Write(b) }
func (h *heldResponse) WriteString(b string) (int, error) { return h.body.WriteString(b) }
func (h *heldResponse) Status() int                       { return h.status }
func (h *heldResponse) Size() int                         { return h.body.Len() }
func (h *heldResponse) Written() bool                     { return h.body.Len() > 0 }
func (h *heldResponse) Flush()                            {}
