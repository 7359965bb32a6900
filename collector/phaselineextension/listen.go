package phaselineextension

import (
	"fmt"
	"net"
	"net/netip"
)

// ExposedError says that a listener would be open to other machines without a
// token, and what to do about it.
type ExposedError struct {
	Endpoint string
	Remedy   string
}

func (e *ExposedError) Error() string {
	return fmt.Sprintf("%s is open to other machines without authentication: %s, listen on 127.0.0.1, or accept the risk with --insecure",
		e.Endpoint, e.Remedy)
}

// IsLoopback reports whether a host:port can be reached from this machine only.
// A host name other than localhost counts as reachable: what it resolves to may
// change after the check.
func IsLoopback(endpoint string) bool {
	host, _, err := net.SplitHostPort(endpoint)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}
