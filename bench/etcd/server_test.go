package etcd

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/server/v3/embed"
)

// childDir tells a process of this test to be a server with its data there, until its
// standard input ends. It prints its address.
const childDir = "BENCH_ETCD_DIR"

func TestMain(m *testing.M) {
	dir := os.Getenv(childDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	s, err := serve(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, "etcd:", err)
		os.Exit(1)
	}
	fmt.Println(s.Clients[0].Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	s.Close()
}

// serve starts a server on free ports.
func serve(dir string) (*embed.Etcd, error) {
	cfg := embed.NewConfig()
	cfg.Dir, cfg.LogLevel = dir, "fatal"
	client, peer, err := freePorts()
	if err != nil {
		return nil, err
	}
	cfg.ListenClientUrls, cfg.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	cfg.ListenPeerUrls, cfg.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	cfg.InitialCluster = cfg.InitialClusterFromName(cfg.Name)
	s, err := embed.StartEtcd(cfg)
	if err != nil {
		return nil, err
	}
	select {
	case <-s.Server.ReadyNotify():
		return s, nil
	case err := <-s.Err():
		return nil, err
	case <-time.After(time.Minute):
		s.Close()
		return nil, fmt.Errorf("not ready after a minute")
	}
}

// freePorts returns two addresses that nothing listened on a moment ago.
func freePorts() (client, peer url.URL, err error) {
	for _, u := range []*url.URL{&client, &peer} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return client, peer, err
		}
		defer l.Close()
		*u = url.URL{Scheme: "http", Host: l.Addr().String()}
	}
	return client, peer, nil
}

// A place is where a server runs and keeps its data.
type place struct {
	product string
	parent  string // of the folder of the data; "" is that of temporary files
	process bool
}

var places = []place{
	{"etcd-embedded", "/dev/shm", false},
	{"etcd-tmpfs", "/dev/shm", true},
	{"etcd-disk", "", true},
}

// start starts a server and returns a client of it. cpu is the CPU time that the server has
// used; for one in this process there is none.
func (p place) start(b *testing.B) (c *clientv3.Client, cpu func() time.Duration) {
	parent := p.parent
	if _, err := os.Stat(parent); err != nil && parent != "" {
		b.Fatalf("there is no tmpfs at %s: mount one there (mount -t tmpfs tmpfs %s)", parent, parent)
	}
	dir, err := os.MkdirTemp(parent, "bench-etcd-")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	addr := ""
	if p.process {
		addr, cpu = child(b, dir)
	} else {
		s, err := serve(dir)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(s.Close)
		addr = s.Clients[0].Addr().String()
	}
	return client(b, addr), cpu
}

func client(b *testing.B, addr string) *clientv3.Client {
	c, err := clientv3.New(clientv3.Config{Endpoints: []string{addr}, DialTimeout: 10 * time.Second})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close() })
	return c
}

// child starts this binary again, as a server.
func child(b *testing.B, dir string) (addr string, cpu func() time.Duration) {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	var log bytes.Buffer
	cmd.Stderr = &log
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	if _, err := fmt.Fscan(out, &addr); err != nil {
		_ = in.Close()
		_ = cmd.Wait()
		b.Fatalf("etcd did not start: %v\n%s", err, log.String())
	}
	return addr, func() time.Duration { return processCPU(b, cmd.Process.Pid) }
}

// processCPU reads the times of user and system of a process, in ticks of 10 ms.
func processCPU(b *testing.B, pid int) time.Duration {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		b.Fatal(err)
	}
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	var ticks time.Duration
	for _, f := range fields[11:13] {
		n, err := strconv.Atoi(string(f))
		if err != nil {
			b.Fatal(err)
		}
		ticks += time.Duration(n)
	}
	return ticks * 10 * time.Millisecond
}
