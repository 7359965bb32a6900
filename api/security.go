package api

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"strings"

	"github.com/gin-gonic/gin"
	"go.uber.org/zap"
)

const requestIDHeader = "X-Request-Id"

var requestIDPattern = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// identify gives every request an id, or keeps the caller's, so that a problem
// document and the log can be brought together.
func (s *server) identify(c *gin.Context) {
	id := c.GetHeader(requestIDHeader)
	if !requestIDPattern.MatchString(id) {
		id = rand.Text()
	}
	c.Set(requestIDHeader, id)
	c.Header(requestIDHeader, id)
}

func requestID(c *gin.Context) string { return c.GetString(requestIDHeader) }

func (s *server) recovery() gin.HandlerFunc {
	return gin.CustomRecoveryWithWriter(nil, func(c *gin.Context, fault any) {
		s.Logger.Error("a handler panicked", zap.Any("fault", fault), zap.String("request_id", requestID(c)), zap.Stack("stack"))
		s.fail(c, failure(codeInternal, "", "the log has the cause under request id %s", requestID(c)))
	})
}

// contentSecurityPolicy allows nothing but this server's own files: attribute
// text from telemetry is hostile, and a page that shows it must not run it.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func secureHeaders(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Content-Security-Policy", contentSecurityPolicy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// checkHost refuses requests over loopback that name another host: a hostile
// page can point a name of its own at 127.0.0.1 and would then count as the
// same origin (DNS rebinding). With a token it could not read anything anyway,
// and a proxy in front may well use a public name.
func (s *server) checkHost(c *gin.Context) {
	if s.Token != "" {
		return
	}
	if addr, ok := c.Request.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok && !addr.IP.IsLoopback() {
		return
	}
	host := c.Request.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(host, "[]"))
	if addr, err := netip.ParseAddr(host); host == "localhost" || err == nil && addr.IsLoopback() {
		return
	}
	s.fail(c, failure(codeForbidden, "Host", "%q is not this machine; open Phaseline as localhost or 127.0.0.1, or configure a token", host))
}

// authenticate compares hashes, which are of one length, in constant time.
func (s *server) authenticate(c *gin.Context) {
	if s.Token == "" {
		return
	}
	scheme, token, _ := strings.Cut(c.GetHeader("Authorization"), " ")
	given, want := sha256.Sum256([]byte(strings.TrimSpace(token))), sha256.Sum256([]byte(s.Token))
	if strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(given[:], want[:]) == 1 {
		return
	}
	c.Header("WWW-Authenticate", `Bearer realm="phaseline"`)
	s.fail(c, failure(codeUnauthorized, "Authorization", "send the configured token as `Authorization: Bearer …`"))
}

// checkOrigin refuses writes that another site's page asked the browser for.
func (s *server) checkOrigin(c *gin.Context) {
	if err := http.NewCrossOriginProtection().Check(c.Request); err != nil {
		s.fail(c, failure(codeForbidden, "Origin", "a page of another origin may not write"))
	}
}
