package api

import (
	"context"
	"errors"

	"github.com/phaseline/phaseline/internal/query"
)

// renamed returns the error with another parameter's name.
func renamed(err error, parameter string) error {
	var known *query.Error
	if !errors.As(err, &known) {
		return err
	}
	other := *known
	other.Parameter = parameter
	return &other
}

func isCSV(format *FormatParam) bool { return format != nil && *format == Csv }

func (s *server) GetBreakdown(ctx context.Context, r GetBreakdownRequestObject) (GetBreakdownResponseObject, error) {
	p := r.Params
	scope, err := s.scope(p.From, p.To, p.Filter, p.Tenant, p.IncludeFailed)
	if err != nil {
		return nil, err
	}
	answer, err := s.Questions.Breakdown(ctx, query.Breakdown{
		Scope: scope, GroupBy: given(p.GroupBy, nil), Metrics: given(p.Metric, nil),
		Quantiles: given(p.Quantiles, nil), Sort: string(given(p.Sort, "")), Limit: given(p.Limit, 0),
	})
	if err != nil {
		return nil, err
	}
	if isCSV(p.Format) {
		body, size := breakdownTable(answer).csv()
		return GetBreakdown200TextcsvResponse{Body: body, ContentLength: size}, nil
	}
	return GetBreakdown200JSONResponse(answer), nil
}

func (s *server) GetTimeseries(ctx context.Context, r GetTimeseriesRequestObject) (GetTimeseriesResponseObject, error) {
	p := r.Params
	scope, err := s.scope(p.From, p.To, p.Filter, p.Tenant, p.IncludeFailed)
	if err != nil {
		return nil, err
	}
	step, err := parseStep(p.Step)
	if err != nil {
		return nil, err
	}
	answer, err := s.Questions.TimeSeries(ctx, query.TimeSeries{
		Scope: scope, GroupBy: given(p.GroupBy, nil), Metric: given(p.Metric, defaultMetric),
		Quantiles: given(p.Quantiles, nil), Step: step, Limit: given(p.Limit, 0),
	})
	if err != nil {
		return nil, err
	}
	if isCSV(p.Format) {
		body, size := timeSeriesTable(answer).csv()
		return GetTimeseries200TextcsvResponse{Body: body, ContentLength: size}, nil
	}
	return GetTimeseries200JSONResponse(answer), nil
}

func (s *server) GetHeatmap(ctx context.Context, r GetHeatmapRequestObject) (GetHeatmapResponseObject, error) {
	p := r.Params
	scope, err := s.scope(p.From, p.To, p.Filter, p.Tenant, p.IncludeFailed)
	if err != nil {
		return nil, err
	}
	step, err := parseStep(p.Step)
	if err != nil {
		return nil, err
	}
	answer, err := s.Questions.Heatmap(ctx, query.Heatmap{Scope: scope, Metric: given(p.Metric, defaultMetric), Step: step})
	if err != nil {
		return nil, err
	}
	if isCSV(p.Format) {
		body, size := heatmapTable(answer).csv()
		return GetHeatmap200TextcsvResponse{Body: body, ContentLength: size}, nil
	}
	return GetHeatmap200JSONResponse(answer), nil
}

func (s *server) GetComposition(ctx context.Context, r GetCompositionRequestObject) (GetCompositionResponseObject, error) {
	p := r.Params
	scope, err := s.scope(p.From, p.To, p.Filter, p.Tenant, p.IncludeFailed)
	if err != nil {
		return nil, err
	}
	answer, err := s.Questions.Composition(ctx, query.Composition{
		Scope: scope, Metric: given(p.Metric, defaultMetric), GroupBy: given(p.GroupBy, nil),
		Quantiles: given(p.Quantiles, nil), Limit: given(p.Limit, 0),
	})
	if err != nil {
		return nil, err
	}
	if isCSV(p.Format) {
		body, size := compositionTable(answer).csv()
		return GetComposition200TextcsvResponse{Body: body, ContentLength: size}, nil
	}
	return GetComposition200JSONResponse(answer), nil
}

func (s *server) GetCompare(ctx context.Context, r GetCompareRequestObject) (GetCompareResponseObject, error) {
	p := r.Params
	a, b, err := s.sides(p)
	if err != nil {
		return nil, err
	}
	answer, err := s.Questions.Compare(ctx, query.Compare{A: a, B: b, Metric: given(p.Metric, defaultMetric), Quantiles: given(p.Quantiles, nil)})
	if err != nil {
		return nil, err
	}
	if isCSV(p.Format) {
		body, size := comparisonTable(answer).csv()
		return GetCompare200TextcsvResponse{Body: body, ContentLength: size}, nil
	}
	return GetCompare200JSONResponse(answer), nil
}

func (s *server) GetDistinguish(ctx context.Context, r GetDistinguishRequestObject) (GetDistinguishResponseObject, error) {
	p := r.Params
	scope, err := s.scope(p.From, p.To, p.Filter, p.Tenant, p.IncludeFailed)
	if err != nil {
		return nil, err
	}
	selection, err := s.rectangle(scope, given(p.Metric, defaultMetric), p.SelectFrom, p.SelectTo, p.SelectLowNs, p.SelectHighNs)
	if err != nil {
		return nil, err
	}
	if selection == nil {
		return nil, failure(query.CodeInvalid, "select_low_ns", "there is no rectangle to set apart from the rest; give at least one of its edges")
	}
	answer, err := s.Questions.Distinguish(ctx, query.Distinguish{Scope: scope, Selection: *selection, Limit: given(p.Limit, 0)})
	if err != nil {
		return nil, err
	}
	if isCSV(p.Format) {
		body, size := distinctionTable(answer).csv()
		return GetDistinguish200TextcsvResponse{Body: body, ContentLength: size}, nil
	}
	return GetDistinguish200JSONResponse(answer), nil
}

func (s *server) ListDimensions(ctx context.Context, r ListDimensionsRequestObject) (ListDimensionsResponseObject, error) {
	p := r.Params
	scope, err := s.scope(new(given(p.From, defaultDimensionsFrom)), p.To, nil, p.Tenant, nil)
	if err != nil {
		return nil, err
	}
	answer, err := s.Questions.Dimensions(ctx, query.Dimensions{Scope: scope})
	if err != nil {
		return nil, err
	}
	if isCSV(p.Format) {
		body, size := dimensionsTable(answer).csv()
		return ListDimensions200TextcsvResponse{Body: body, ContentLength: size}, nil
	}
	return ListDimensions200JSONResponse(answer), nil
}

func (s *server) ListDimensionValues(ctx context.Context, r ListDimensionValuesRequestObject) (ListDimensionValuesResponseObject, error) {
	p := r.Params
	scope, err := s.scope(p.From, p.To, p.Filter, p.Tenant, p.IncludeFailed)
	if err != nil {
		return nil, err
	}
	answer, err := s.Questions.DimensionValues(ctx, query.DimensionValues{
		Scope: scope, Dimension: r.Name, Prefix: given(p.Prefix, ""), Limit: given(p.Limit, 0),
	})
	if err != nil {
		return nil, err
	}
	if isCSV(p.Format) {
		body, size := valuesTable(answer).csv()
		return ListDimensionValues200TextcsvResponse{Body: body, ContentLength: size}, nil
	}
	return ListDimensionValues200JSONResponse(answer), nil
}

func (s *server) GetQuality(ctx context.Context, r GetQualityRequestObject) (GetQualityResponseObject, error) {
	p := r.Params
	scope, err := s.scope(p.From, p.To, p.Filter, p.Tenant, p.IncludeFailed)
	if err != nil {
		return nil, err
	}
	answer, err := s.Questions.Quality(ctx, query.Quality{Scope: scope})
	if err != nil {
		return nil, err
	}
	if isCSV(p.Format) {
		body, size := qualityTable(answer).csv()
		return GetQuality200TextcsvResponse{Body: body, ContentLength: size}, nil
	}
	return GetQuality200JSONResponse(answer), nil
}
