package api

import (
	"context"
	"net/http"
	"time"

	"github.com/phaseline/phaseline/internal/phase"
	"github.com/phaseline/phaseline/internal/query"
)

// setupRange is how far back the setup page looks for a first request.
const setupRange = 24 * time.Hour

func (s *server) GetStatus(context.Context, GetStatusRequestObject) (GetStatusResponseObject, error) {
	roles := make([]StatusRoles, len(s.Roles))
	for i, role := range s.Roles {
		roles[i] = StatusRoles(role)
	}
	return GetStatus200JSONResponse{
		Version: s.Version, Revision: phase.Revision, Started: s.started.UTC(), Roles: roles,
		Store: s.Store(), Counters: append([]Count{}, s.Counters()...), Limits: s.limits(),
	}, nil
}

func (s *server) limits() Limits {
	l := s.Questions.Limits()
	return Limits{
		MaxPoints: l.Points, MaxGroups: int64(l.Groups), MaxPage: int64(l.Page), MaxQueryTimeNs: l.Time.Nanoseconds(),
		MaxMemoryBytes: l.Memory, MaxRowsRead: l.Rows,
	}
}

// GetSetup answers while the store is away too: its page is the first that a
// new user sees. What only the store knows is then null.
func (s *server) GetSetup(ctx context.Context, _ GetSetupRequestObject) (GetSetupResponseObject, error) {
	status := s.Store()
	setup := GetSetup200JSONResponse{
		OtlpGrpcEndpoint: orNull(s.OTLPGRPC), OtlpHttpEndpoint: orNull(s.OTLPHTTP), TokenRequired: s.Token != "",
		Spans: status.Spans,
	}
	now := s.Now().UTC()
	page, err := s.Questions.Requests(ctx, query.Requests{Scope: query.Scope{Range: query.Range{From: now.Add(-setupRange), To: now}}, Limit: 1})
	if err == nil && len(page.Requests) > 0 {
		setup.LastRequest = &page.Requests[0].End
	}
	return setup, nil
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// openAPI is the specification as it was read, not as generated types.
type openAPI []byte

func (o openAPI) VisitGetOpenAPIResponse(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "application/json")
	_, err := w.Write(o)
	return err
}

func (s *server) GetOpenAPI(context.Context, GetOpenAPIRequestObject) (GetOpenAPIResponseObject, error) {
	return openAPI(s.specJSON), nil
}
