package embedded

import "sync"

// session is a connection that has a database and settings, and an id in its
// log_comment, by which what runs on it is found.
type session struct {
	name string // what it was prepared for
	id   string
	conn *connection
}

// sessions are those that wait for a statement which wants the same. To open and
// to prepare one takes half as long as a short statement, and a SELECT leaves nothing
// in it.
type sessions struct {
	mu   sync.Mutex
	idle []*session // the one used last comes last
}

// take returns a session of the name, nil without one.
func (s *sessions) take(name string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := len(s.idle) - 1; i >= 0; i-- {
		if x := s.idle[i]; x.name == name {
			s.idle = append(s.idle[:i], s.idle[i+1:]...)
			return x
		}
	}
	return nil
}

// keep lets a session be taken again, in place of the one that was not used for longest.
func (s *sessions) keep(x *session) {
	s.mu.Lock()
	s.idle = append(s.idle, x)
	var oldest *session
	if len(s.idle) > maxConns {
		oldest, s.idle = s.idle[0], s.idle[1:]
	}
	s.mu.Unlock()
	if oldest != nil {
		oldest.conn.close()
	}
}

// close closes those that wait.
func (s *sessions) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, x := range s.idle {
		x.conn.close()
	}
	s.idle = nil
}
