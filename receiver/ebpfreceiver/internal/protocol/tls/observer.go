// Copyright The otelcol-risk Authors
// SPDX-License-Identifier: Apache-2.0

package tls

// Step is how far a handshake has come: the last thing that was seen of it.
type Step uint8

// The steps, in their order.
const (
	// Nothing was seen.
	Nothing Step = iota
	// AfterClientHello: the client has made its offer.
	AfterClientHello
	// AfterServerHello: the server has chosen.
	AfterServerHello
	// AfterServerFlight: the server has sent its part, encrypted by TLS 1.3, up to ServerHelloDone before.
	AfterServerFlight
	// AfterClientFlight: the client has sent its keys (not in TLS 1.3).
	AfterClientFlight
	// AfterClientFinished: the client's last message has passed, encrypted.
	AfterClientFinished
	// Done: the server has gone on after the client's last message.
	Done
)

// String returns the value of the attribute that says s.
func (s Step) String() string {
	return [...]string{
		"", "client_hello", "server_hello", "server_flight", "client_flight", "client_finished", "done",
	}[s]
}

// Failure is why a handshake did not succeed.
type Failure uint8

// The failures.
const (
	// None: it has not failed.
	None Failure = iota
	// Alerted: one end sent a fatal alert, or an encrypted one.
	Alerted
	// NotTLS: one end sent something else.
	NotTLS
	// Closed, ResetByPeer and TimedOut: the connection ended within the handshake.
	Closed
	// ResetByPeer is a RST of either end.
	ResetByPeer
	// TimedOut is an end without a word.
	TimedOut
)

// Handshake is what was seen of one. Pointers are nil for what was not.
type Handshake struct {
	// Client and Server are the hellos.
	Client Client
	Server Server
	// ServerChain and ClientChain are the certificates; TLS 1.3 encrypts them.
	ServerChain, ClientChain *Chain
	// Start is the time of the first byte, End that of the client's last message (TLS 1.3), of the last Finished
	// (before) or of the failure.
	Start, End int64
	// Step is how far it has come.
	Step Step
	// Failure is why it went no further.
	Failure Failure
	// FailedClient says that the client's end failed it: that sent the alert, closed, or did not speak TLS.
	FailedClient bool
	// AlertSeen says that Alert is the description of the alert; AlertEncrypted that there was one that nobody can read.
	AlertSeen, AlertEncrypted bool
	// Alert is the description.
	Alert uint8
	// CertificateRequested says that the server asked for the client's certificate; TLS 1.3 encrypts that.
	CertificateRequested bool
	// Resumed says that no certificate was sent because both ends know each other (before TLS 1.3).
	Resumed bool
}

// Encrypted says whether the protocol hides certificates and requests for them.
func (h *Handshake) Encrypted() bool { return h.Server.Version >= version13 }

// Ended says whether nothing more is to be learned.
func (h *Handshake) Ended() bool { return h.Step == Done || h.Failure != None }

const version13 = 0x0304

// Observer follows one handshake. Feed it both directions in the order of time.
type Observer struct {
	Handshake

	readers  [2]*Reader // of the server's and of the client's messages
	now      int64
	client   bool    // whose message it is
	finished [2]bool // an encrypted message of a handshake was sent
}

// NewObserver returns an Observer that keeps at most limit bytes of a message of each direction.
func NewObserver(limit int, elided bool) *Observer {
	return &Observer{readers: [2]*Reader{NewReader(limit, elided), NewReader(limit, elided)}}
}

// Size is the number of bytes that o keeps, facts aside.
func (o *Observer) Size() int { return o.readers[0].Size() + o.readers[1].Size() }

// Feed reads what one end sent at a time. After the handshake has ended it does nothing.
func (o *Observer) Feed(client bool, now int64, input []byte) {
	if o.Ended() {
		return
	}
	o.now, o.client = now, client
	if o.Start == 0 {
		o.Start = now
	}
	if err := o.readers[index(client)].Feed(input, o.message); err != nil && !o.Ended() {
		o.fail(NotTLS)
	}
}

// Elide is [Reader.Elide] of the direction of one end.
func (o *Observer) Elide(client, elided bool, rest int) { o.readers[index(client)].Elide(elided, rest) }

// Close tells that the connection ended at a time; client says whose end closed it in order. It says whether that made
// the handshake fail. An end after the client's last message fails it only if the server is the one that ends: a client
// may be content.
func (o *Observer) Close(client bool, now int64, why Failure) bool {
	if o.Ended() || o.Step == Nothing {
		return false
	}
	if o.Encrypted() && o.Step == AfterClientFinished && (client || why != Closed) {
		return false
	}
	o.now, o.client = now, client
	o.fail(why)
	return true
}

func index(client bool) int {
	if client {
		return 1
	}
	return 0
}

func (o *Observer) fail(why Failure) {
	o.Failure, o.FailedClient, o.End = why, o.client, o.now
}

// reach notes a step; there is no way back.
func (o *Observer) reach(s Step) { o.Step = max(o.Step, s) }

// message takes in one message.
func (o *Observer) message(m *Message) {
	if o.Ended() {
		return
	}
	if o.Encrypted() && o.Step == AfterClientFinished && (o.client || m.Kind == Encrypted && !o.isAlert(m)) {
		// The server goes on, or the client takes its leave: an alert of the server then answers that. What else the client
		// sends behind its Finished says nothing of the handshake.
		if !o.client || m.Kind == Encrypted && o.isAlert(m) {
			o.reach(Done)
		}
		return
	}
	switch m.Kind {
	case ClientHello:
		if o.client && o.Step == Nothing {
			o.Client = parseClientHello(m.Body)
			o.reach(AfterClientHello)
		}
	case ServerHello:
		if s, ok := parseServerHello(m.Body); ok && !o.client {
			o.Server = s
			o.reach(AfterServerHello)
		}
	case Certificate:
		chain := parseCertificate(m.Body)
		if o.client {
			o.ClientChain = &chain
		} else {
			o.ServerChain = &chain
		}
	case CertificateRequest:
		o.CertificateRequested = o.CertificateRequested || !o.client
	case ServerHelloDone:
		o.reach(AfterServerFlight)
	case ClientKeyExchange:
		o.reach(AfterClientFlight)
	case Alert:
		o.alert(m)
	case Encrypted:
		o.encrypted(m)
	}
}

// Levels and descriptions of alerts.
const (
	levelFatal  = 2
	closeNotify = 0
)

// alert takes in one that can be read. A warning ends nothing, but closing does.
func (o *Observer) alert(m *Message) {
	if m.Body[0] != levelFatal && m.Body[1] != closeNotify {
		return
	}
	o.AlertSeen, o.Alert = true, m.Body[1]
	o.fail(Alerted)
}

// isAlert says whether an encrypted record is an alert. Before TLS 1.3 its type says so; after, its length does: two
// bytes, the type, the seal. No handshake message is as short.
func (o *Observer) isAlert(m *Message) bool {
	const ccm8 = 0x1305
	switch {
	case !o.Encrypted():
		return m.Type == recordAlert
	case o.Server.Cipher == ccm8:
		return m.Length == 2+1+8
	}
	return m.Length == 2+1+16
}

// encrypted takes in a record that cannot be read.
func (o *Observer) encrypted(m *Message) {
	switch {
	case o.Step < AfterServerHello:
		return // early data
	case o.isAlert(m):
		o.AlertEncrypted = true
		o.fail(Alerted)
	case o.Encrypted() && !o.client:
		o.reach(AfterServerFlight)
	case o.Encrypted():
		if o.Step >= AfterServerFlight {
			o.reach(AfterClientFinished)
			o.End = o.now
		}
	default:
		o.finishedBefore13(m)
	}
}

// finishedBefore13 takes in an encrypted record before TLS 1.3: the first of each end is its Finished, and the second
// Finished is the handshake's end.
func (o *Observer) finishedBefore13(m *Message) {
	if m.Type == recordData || o.finished[index(o.client)] {
		o.reach(Done) // the other end's Finished was missed
		return
	}
	o.finished[index(o.client)] = true
	o.End = o.now
	switch {
	case o.finished[index(!o.client)]:
		o.reach(Done)
	case o.client:
		o.reach(AfterClientFinished)
	default: // the server's comes first when a session is resumed
		o.Resumed = true
		o.reach(AfterServerFlight)
	}
}
