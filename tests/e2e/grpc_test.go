// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/otelcol-risk/otelcol-risk/tests/harness"
)

// called counts the spans of calls of one kind by method and status, as [exchanges] does.
func called(spans []harness.Span, kind ptrace.SpanKind) exchanges {
	e := exchanges{}
	for _, span := range only(spans, kind) {
		e[span.Attr("rpc.method")+" "+span.Attr("rpc.response.status_code")]++
	}
	return e
}

// compareCalls compares both sides with what the peers counted: of 1000 calls one may be missing, none may be wrong.
func (p *pipeline) compareCalls(want exchanges) {
	p.t.Helper()
	for side, kind := range map[string]ptrace.SpanKind{"server": ptrace.SpanKindServer, "client": ptrace.SpanKindClient} {
		missing, what := compare(p.t, side, want, called(p.spans, kind))
		if 1000*missing > want.total() {
			p.t.Errorf("%d of %d calls are missing:\n%s", missing, want.total(), what)
		}
	}
}

// grpcShop is a server of grpc-go in this process that counts its calls.
type grpcShop struct {
	addr     string
	mu       sync.Mutex // guards answered
	answered exchanges
}

// code returns the status that a method answers with: its name says it.
func code(method string) codes.Code {
	switch {
	case strings.HasSuffix(method, "Absent"):
		return codes.NotFound
	case strings.HasSuffix(method, "Busy"):
		return codes.Unavailable
	}
	return codes.OK
}

// handle answers any method: streaming ones say every message back, and sleep for as long as the first says.
func (s *grpcShop) handle(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	answer := code(method)
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.answered[method[1:]+" "+statusName(answer)]++
	}()
	for {
		var text wrapperspb.StringValue
		if err := stream.RecvMsg(&text); errors.Is(err, io.EOF) {
			return status.Error(answer, "as asked")
		} else if err != nil {
			return err
		}
		if answer == codes.OK {
			if err := stream.SendMsg(&text); err != nil {
				return err
			}
		}
	}
}

// statusName is the name of a status in the telemetry.
func statusName(c codes.Code) string {
	return map[codes.Code]string{codes.OK: "OK", codes.NotFound: "NOT_FOUND", codes.Unavailable: "UNAVAILABLE"}[c]
}

func startGRPC(t *testing.T) *grpcShop {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &grpcShop{addr: listener.Addr().String(), answered: exchanges{}}
	server := grpc.NewServer(grpc.UnknownServiceHandler(s.handle))
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		<-ended
	})
	return s
}

// dialGRPC connects to a server.
func dialGRPC(t *testing.T, addr string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// talk makes one streaming call that says so many messages, and pauses between two, and returns how long it took.
func talk(ctx context.Context, conn *grpc.ClientConn, method string, messages int, wait time.Duration) (time.Duration, error) {
	begun := time.Now()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		return 0, err
	}
	text := wrapperspb.String(strings.Repeat("x", 500))
	for i := range messages {
		if i > 0 && wait > 0 {
			pause(ctx, wait)
		}
		if err := stream.SendMsg(text); err != nil {
			break // the answer says why
		}
	}
	if err := stream.CloseSend(); err != nil {
		return 0, err
	}
	for err == nil {
		err = stream.RecvMsg(&wrapperspb.StringValue{})
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if got := status.Code(err); got != code(method) {
		return 0, fmt.Errorf("%s: %w", method, err)
	}
	return time.Since(begun), nil
}

func TestCallsOfGRPCGoWith100StreamsAtOnce(t *testing.T) {
	const workers, each = 100, 50
	needRoot(t)
	server := startGRPC(t)
	p := capture(t, onlyPorts(t, server.addr))
	conn := dialGRPC(t, server.addr)
	failed := make(chan error, workers)
	for w := range workers {
		go func() {
			var faults []error
			for i := range each {
				_, err := talk(t.Context(), conn, []string{"/shop.Cart/Add", "/shop.Cart/Absent", "/shop.Cart/Busy"}[(w+i)%3], 1, 0)
				faults = append(faults, err)
			}
			failed <- errors.Join(faults...)
		}()
	}
	for range workers {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	p.finish(2 * workers * each)
	server.mu.Lock()
	defer server.mu.Unlock()
	p.compareCalls(server.answered)
	for _, span := range p.spans {
		want := ptrace.StatusCodeUnset
		switch {
		case span.Attr("rpc.response.status_code") == "UNAVAILABLE",
			span.Attr("rpc.response.status_code") == "NOT_FOUND" && span.Kind() == ptrace.SpanKindClient:
			want = ptrace.StatusCodeError
		}
		if got := span.Status().Code(); got != want {
			t.Fatalf("status is %v, want %v in %s", got, want, describe(span))
		}
	}
}

func TestDurationsOfStreamingCallsAreThoseOfTheApplication(t *testing.T) {
	needRoot(t)
	server := startGRPC(t)
	p := capture(t, onlyPorts(t, server.addr))
	conn := dialGRPC(t, server.addr)
	own := map[string]duration{}
	for i := range slow {
		parent := fmt.Sprintf("%016x", i+1)
		ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-"+parent+"-01")
		before := waited(t, os.Getpid())
		took, err := talk(ctx, conn, "/shop.Cart/Watch", 3, slowTime/2)
		if err != nil {
			t.Fatal(err)
		}
		own[parent] = duration{took, waited(t, os.Getpid()) - before}
	}
	p.finish(2 * slow)
	p.compareCalls(exchanges{"shop.Cart/Watch OK": slow})
	parent := func(span harness.Span) string { return span.ParentSpanID().String() }
	for _, span := range p.spans {
		of, known := own[parent(span)]
		if !known {
			t.Errorf("no call has the parent %s", parent(span))
		}
		if got := (spanOf{t, span}).duration(); got > of.took {
			t.Errorf("lasted %v, the application saw %v", got, of.took)
		}
	}
	compareDurations(t, "server", own, only(p.spans, ptrace.SpanKindServer), parent)
	compareDurations(t, "client", own, only(p.spans, ptrace.SpanKindClient), parent)
}

func TestAConnectionOfGRPCGoThatIsOlderThanTheCollector(t *testing.T) {
	const calls = 200
	needRoot(t)
	server := startGRPC(t)
	conn := dialGRPC(t, server.addr)
	if _, err := talk(t.Context(), conn, "/shop.Cart/Before", 1, 0); err != nil {
		t.Fatal(err)
	}
	p := capture(t, onlyPorts(t, server.addr))
	for range calls {
		if _, err := talk(t.Context(), conn, "/shop.Cart/Before", 1, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := talk(t.Context(), conn, "/shop.Cart/Absent", 1, 0); err != nil {
			t.Fatal(err)
		}
	}
	p.settle(2 * 2 * calls)
	p.stop()
	for _, span := range p.spans {
		// What a header block says by reference to one from before is absent, and nothing else may be said.
		switch method := span.Attr("rpc.method"); {
		case method == "shop.Cart/Absent" && span.Attr("rpc.response.status_code") != "NOT_FOUND",
			method == "shop.Cart/Before" && span.Attr("rpc.response.status_code") == "NOT_FOUND",
			method != "" && method != "shop.Cart/Absent" && method != "shop.Cart/Before":
			t.Fatalf("wrong: %s", describe(span))
		}
	}
	if len(p.spans) < 2*2*calls-10 {
		t.Errorf("%d spans of %d calls, both sides", len(p.spans), 2*calls)
	}
}

func TestCallsOfPython(t *testing.T) {
	const threads, calls = 20, 40
	needRoot(t)
	python := "/usr/bin/python3" // of Debian; another one that comes first may lack the package
	if exec.Command(python, "-c", "import grpc").Run() != nil {
		t.Skip("needs gRPC for Python: apt-get install python3-grpcio")
	}
	input, output := io.Pipe()
	peer, told := startPeer(t, harness.ProcessSpec{
		Name: "python", Path: python, Args: []string{"testdata/calls.py", fmt.Sprint(threads), fmt.Sprint(calls)}, Stdin: input,
	})
	t.Cleanup(func() { _ = output.Close() })
	announced := regexp.MustCompile(`port (\d+)`)
	eventually(t, "python listens", func() bool { return announced.MatchString(told.String()) })
	p := capture(t, onlyPorts(t, "127.0.0.1:"+announced.FindStringSubmatch(told.String())[1]))
	if _, err := io.WriteString(output, "go\n"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "python has made its calls", func() bool {
		select {
		case <-peer.Done():
			t.Fatalf("python ended: %v", peer.Err())
		default:
		}
		return strings.Contains(told.String(), "\nend\n")
	})
	want := exchanges{}
	for _, line := range regexp.MustCompile(`test\.Python/\w+ \w+`).FindAllString(told.String(), -1) {
		want[line]++
	}
	if want.total() != threads*calls {
		t.Fatalf("python made %d calls", want.total())
	}
	p.finish(2 * want.total())
	p.compareCalls(want)
}
