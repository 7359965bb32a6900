package api

import (
	"github.com/gin-gonic/gin"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics serves the gathered metrics as text, OpenMetrics (with exemplars) or
// protobuf (with native histograms), as the scraper asks.
func (s *server) metrics() gin.HandlerFunc {
	return gin.WrapH(promhttp.HandlerFor(s.Gatherer, promhttp.HandlerOpts{
		EnableOpenMetrics:   true,
		DisableCompression:  true, // the whole server compresses
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: 4,
	}))
}
