package store

import (
	"context"
	"errors"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// errEncode says that the driver could not take a value.
var errEncode = errors.New("store: a value cannot be encoded")

// fault says what to do about an error of ClickHouse.
type fault uint8

const (
	faultNone      fault = iota
	faultRetry           // the server, the network or time will mend it
	faultUnknown         // not in either list: tried again, and counted
	faultPermanent       // the data is at fault
)

// retryCodes are the errors that pass: limits, time-outs, replication, Keeper.
var retryCodes = map[int32]bool{
	159: true, // TIMEOUT_EXCEEDED
	202: true, // TOO_MANY_SIMULTANEOUS_QUERIES
	203: true, // NO_FREE_CONNECTION
	209: true, // SOCKET_TIMEOUT
	210: true, // NETWORK_ERROR
	241: true, // MEMORY_LIMIT_EXCEEDED
	242: true, // TABLE_IS_READ_ONLY
	252: true, // TOO_MANY_PARTS
	285: true, // TOO_FEW_LIVE_REPLICAS
	319: true, // UNKNOWN_STATUS_OF_INSERT
	999: true, // KEEPER_EXCEPTION
}

// permanentCodes are the errors of type and parse: the same rows fail again.
var permanentCodes = map[int32]bool{
	6:   true, // CANNOT_PARSE_TEXT
	26:  true, // CANNOT_PARSE_QUOTED_STRING
	27:  true, // CANNOT_PARSE_INPUT_ASSERTION_FAILED
	38:  true, // CANNOT_PARSE_DATE
	41:  true, // CANNOT_PARSE_DATETIME
	53:  true, // TYPE_MISMATCH
	69:  true, // ARGUMENT_OUT_OF_BOUND
	70:  true, // CANNOT_CONVERT_TYPE
	72:  true, // CANNOT_PARSE_NUMBER
	117: true, // INCORRECT_DATA
	128: true, // TOO_LARGE_ARRAY_SIZE
	131: true, // TOO_LARGE_STRING_SIZE
	190: true, // SIZES_OF_ARRAYS_DONT_MATCH
	321: true, // VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
	349: true, // CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
	467: true, // CANNOT_PARSE_BOOL
	469: true, // VIOLATED_CONSTRAINT
	691: true, // UNKNOWN_ELEMENT_OF_ENUM
}

// classify says what kind of fault err is, and its ClickHouse code (0: not from the server).
func classify(err error) (fault, int32) {
	var exception *clickhouse.Exception
	switch {
	case err == nil:
		return faultNone, 0
	case errors.Is(err, errEncode):
		return faultPermanent, 0
	case errors.As(err, &exception):
		switch {
		case permanentCodes[exception.Code]:
			return faultPermanent, exception.Code
		case retryCodes[exception.Code]:
			return faultRetry, exception.Code
		}
		return faultUnknown, exception.Code
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return faultRetry, 0
	}
	// What does not come from the server comes from the way to it.
	return faultRetry, 0
}
