package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/gin-gonic/gin"
	"github.com/klauspost/compress/gzhttp"
)

// prefix of every route of the specification.
const prefix = "/api/v1"

type server struct {
	Options
	spec     *openapi3.T
	specJSON []byte
	started  time.Time
}

// New returns the handler of everything that Phaseline serves over HTTP.
func New(options Options) (http.Handler, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	spec, err := openapi3.NewLoader().LoadFromData(specification)
	if err != nil {
		return nil, fmt.Errorf("read the API's specification: %w", err)
	}
	s := &server{Options: options, spec: spec, started: options.Now()}
	if s.specJSON, err = publicSpec(spec); err != nil {
		return nil, fmt.Errorf("write the API's specification: %w", err)
	}
	router, err := s.router()
	if err != nil {
		return nil, err
	}
	compress, err := gzhttp.NewWrapper(gzhttp.MinSize(1024))
	if err != nil {
		return nil, fmt.Errorf("set up compression: %w", err)
	}
	return answerHead(compress(router)), nil
}

// answerHead lets HEAD ask for the headers of whatever GET answers: net/http
// leaves the body out. Load balancers and `curl -I` ask so.
func answerHead(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			r = r.Clone(r.Context())
			r.Method = http.MethodGet
		}
		next.ServeHTTP(w, r)
	})
}

// publicSpec is the specification without what only our own generator
// understands: others generate clients from it.
func publicSpec(spec *openapi3.T) ([]byte, error) {
	raw, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	var document any
	if err := json.Unmarshal(raw, &document); err != nil {
		return nil, err
	}
	strip(document)
	return json.Marshal(document)
}

func strip(node any) {
	switch n := node.(type) {
	case map[string]any:
		delete(n, "x-go-type")
		for _, child := range n {
			strip(child)
		}
	case []any:
		for _, child := range n {
			strip(child)
		}
	}
}

// NewHTTPServer returns a server for a handler of New, with limits against
// clients that send or read too slowly or too much.
func NewHTTPServer(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      2 * time.Minute, // a rule preview reads a week
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}

func (s *server) router() (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.ContextWithFallback = true // a request that is gone cancels its query
	r.HandleMethodNotAllowed = true
	r.RedirectTrailingSlash = false
	r.UseRawPath, r.UnescapePathValues = true, true // a dimension's name may contain a slash
	if err := r.SetTrustedProxies(nil); err != nil {
		return nil, fmt.Errorf("trust no proxy: %w", err)
	}
	r.Use(s.identify, s.recovery(), secureHeaders, s.checkHost)
	r.NoMethod(func(c *gin.Context) {
		s.fail(c, failure(codeNoMethod, "", "%s is not answered here; the reference at /api lists the methods", c.Request.Method))
	})
	r.NoRoute(s.serveUI)
	r.GET("/healthz", func(c *gin.Context) { c.String(http.StatusOK, "ok\n") })
	r.GET("/readyz", s.readyz)
	if err := s.addReference(r); err != nil {
		return nil, err
	}
	if s.Gatherer != nil {
		r.GET("/metrics", s.authenticate, s.metrics())
	}

	v1 := r.Group(prefix, s.authenticate, s.checkOrigin, s.tag, s.checkAgainstSpec, s.limitTime)
	strict := NewStrictHandlerWithOptions(s, nil, StrictGinServerOptions{
		RequestErrorHandlerFunc: func(c *gin.Context, err error) {
			s.fail(c, failure("invalid", "body", "%v", err))
		},
		HandlerErrorFunc:         s.fail,
		ResponseErrorHandlerFunc: s.fail,
	})
	RegisterHandlersWithOptions(v1, strict, GinServerOptions{
		ErrorHandler: func(c *gin.Context, err error, _ int) { s.fail(c, failure("invalid", "", "%v", err)) },
	})
	return r, nil
}

// limitTime ends a question that takes too long, however many statements it is
// made of. Previews of rules are POST, and read a week.
func (s *server) limitTime(c *gin.Context) {
	if c.Request.Method != http.MethodGet {
		return
	}
	ctx, cancel := context.WithTimeout(c.Request.Context(), s.Questions.Limits().Time)
	defer cancel()
	c.Request = c.Request.WithContext(ctx)
	c.Next()
}

func (s *server) readyz(c *gin.Context) {
	if status := s.Store(); !status.Ready {
		c.Header("Retry-After", retryAfter)
		c.String(http.StatusServiceUnavailable, "not ready: %s\n", status.Reason)
		return
	}
	c.String(http.StatusOK, "ok\n")
}
