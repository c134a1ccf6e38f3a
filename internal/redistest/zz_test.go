package redistest_test
import ("testing";"net";"time";"strings";"github.com/rollcall-go/rollcall/internal/redistest")
func TestZ(t *testing.T) {
	s := redistest.Start(t)
	s.Client().Set(t.Context(), "k", strings.Repeat("x", 1<<20), 0)
	for range 50 {
	p := redistest.StartProxy(t, s.Addr())
	for range 4 {
	c, err := net.Dial("tcp", p.Addr())
	if err != nil { t.Fatal(err) }
	c.Write([]byte(strings.Repeat("GET k\r\n", 20)))
	c.Read(make([]byte, 100))
	c.Close()
	}
	}
}
func TestZStall(t *testing.T) {
	s := redistest.Start(t)
	s.Client().Set(t.Context(), "k", strings.Repeat("x", 1<<20), 0)
	for range 5 {
	p := redistest.StartProxy(t, s.Addr())
	var cs []net.Conn
	for range 4 {
	c, err := net.Dial("tcp", p.Addr())
	if err != nil { t.Fatal(err) }
	c.Write([]byte(strings.Repeat("GET k\r\n", 20)))
	c.Read(make([]byte, 100))
	cs = append(cs, c)
	}
	b := time.Now()
	p.Stall()
	t.Log("stall", time.Since(b))
	for _, c := range cs { c.Close() }
	b = time.Now()
	p.Heal()
	t.Log("heal", time.Since(b))
	}
}
