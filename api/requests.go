package api

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/phaseline/phaseline/internal/query"
)

// A request's neighbours are this many of the same service on each side, at
// most this far away.
const (
	neighbours     = 3
	neighbourRange = time.Hour
)

func (s *server) ListRequests(ctx context.Context, r ListRequestsRequestObject) (ListRequestsResponseObject, error) {
	p := r.Params
	scope, err := s.scope(p.From, p.To, p.Filter, p.Tenant, p.IncludeFailed)
	if err != nil {
		return nil, err
	}
	selection, err := s.rectangle(scope, given(p.Metric, defaultMetric), p.SelectFrom, p.SelectTo, p.SelectLowNs, p.SelectHighNs)
	if err != nil {
		return nil, err
	}
	answer, err := s.Questions.Requests(ctx, query.Requests{
		Scope: scope, Selection: selection, Sort: string(given(p.Sort, "")), Limit: given(p.Limit, 0), Cursor: given(p.Cursor, ""),
	})
	if err != nil {
		return nil, err
	}
	if isCSV(p.Format) {
		body, size := requestsTable(answer).csv()
		return ListRequests200TextcsvResponse{Body: body, ContentLength: size}, nil
	}
	return ListRequests200JSONResponse(answer), nil
}

func (s *server) GetRequest(ctx context.Context, r GetRequestRequestObject) (GetRequestResponseObject, error) {
	tenant, traceID, spanID := given(r.Params.Tenant, ""), strings.ToLower(r.TraceId), strings.ToLower(r.SpanId)
	all, err := s.Questions.Request(ctx, query.RequestID{Tenant: tenant, TraceID: traceID})
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(all, func(q query.Request) bool { return q.SpanID == spanID })
	if at < 0 {
		return nil, failure(query.CodeNotFound, "span_id", "trace %s has no request %s; it may be past its retention, or arrive within seconds", traceID, spanID)
	}
	request := all[at]
	detail := GetRequest200JSONResponse{Request: request, Evidence: []Evidence{}, InTrace: references(slices.Delete(slices.Clone(all), at, at+1))}
	if detail.Previous, err = s.neighbours(ctx, request, -neighbourRange); err != nil {
		return nil, err
	}
	if detail.Next, err = s.neighbours(ctx, request, neighbourRange); err != nil {
		return nil, err
	}
	explanations, err := s.explain(ctx, tenant, traceID)
	if err != nil {
		return nil, err
	}
	detail.SpansStored = explanations != nil
	if evidence, ok := explanations[spanID]; ok {
		detail.Evidence = evidence
	}
	return detail, nil
}

// neighbours returns the requests of the same service that ended within span
// before (negative) or after the request, nearest first.
func (s *server) neighbours(ctx context.Context, request query.Request, span time.Duration) ([]RequestRef, error) {
	q := query.Requests{Scope: query.Scope{
		Tenant:        request.Tenant,
		IncludeFailed: true,
		Filters:       []query.Filter{{Dimension: "service", Operator: query.Equal, Values: []string{request.Service}}},
		Range:         query.Range{From: request.End.Add(span), To: request.End},
	}, Sort: "-end", Limit: neighbours}
	if span > 0 {
		q.Range = query.Range{From: request.End.Add(time.Nanosecond), To: request.End.Add(span)}
		q.Sort = "end"
	}
	answer, err := s.Questions.Requests(ctx, q)
	return references(answer.Requests), err
}

func references(requests []query.Request) []RequestRef {
	refs := make([]RequestRef, len(requests))
	for i, r := range requests {
		refs[i] = RequestRef{TraceId: r.TraceID, SpanId: r.SpanID, End: r.End, Model: r.Model, TotalNs: r.TotalNS, TtftNs: r.TTFTNS}
	}
	return refs
}
