package api

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// What the server itself costs for one question: everything but the store.
func BenchmarkRequest(b *testing.B) {
	handler, err := New(Options{Questions: faulty{}, Store: func() StoreStatus { return StoreStatus{Ready: true} }})
	if err != nil {
		b.Fatal(err)
	}
	request := httptest.NewRequest(http.MethodGet, "http://localhost/api/v1/breakdown?from=now-6h&filter=model%3Dgpt-4o&group_by=service&quantiles=0.5,0.99&limit=10", nil)
	for b.Loop() {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, request)
		if recorder.Code != http.StatusOK {
			b.Fatal(recorder.Code, recorder.Body)
		}
	}
}
