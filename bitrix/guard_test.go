package bitrix

import (
	"net/netip"
	"testing"

	"pgregory.net/rapid"
)

// TestPublic: the guard's own rule, which the outside sees only by dialling.
func TestPublic(t *testing.T) {
	for address, want := range map[string]bool{
		"8.8.8.8": true, "93.184.216.34": true, "2606:2800:220:1::1": true, "::ffff:8.8.8.8": true,
		"172.15.0.1": true, "172.32.0.1": true, "100.128.0.1": true, "198.20.0.1": true,
		"127.0.0.1": false, "127.255.0.9": false, "0.0.0.0": false, "0.1.2.3": false,
		"10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false,
		"169.254.169.254": false, "100.64.0.1": false, "100.127.255.255": false,
		"192.0.0.8": false, "192.0.2.1": false, "198.18.0.1": false, "198.51.100.1": false, "203.0.113.1": false,
		"224.0.0.1": false, "239.1.1.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"::1": false, "::": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd12::1": false,
		"ff02::1": false, "fec0::1": false, "2001:db8::1": false, "64:ff9b::7f00:1": false, "::ffff:0:7f00:1": false, "2002:7f00:1::": false,
		"2001:0:1::1": false, "::127.0.0.1": false, "100::1": false,
		"::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false, "::ffff:169.254.169.254": false,
	} {
		if got := public(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: public is %v, want %v", address, got, want)
		}
	}
	if public(netip.Addr{}) {
		t.Error("no address is public")
	}
	for _, address := range []string{"", "127.0.0.1", "127.0.0.1:80", "[::1]:443", "host:443"} {
		if checkDial(address) == nil {
			t.Errorf("%q may be dialled", address)
		}
	}
	if err := checkDial("8.8.8.8:443"); err != nil {
		t.Error(err)
	}
}

// TestMappedAddressesAreJudgedAlike: an IPv4 address in IPv6 clothes.
func TestMappedAddressesAreJudgedAlike(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		a := netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(r, "address")))
		if public(a) != public(netip.AddrFrom16(a.As16())) {
			r.Fatalf("%v", a)
		}
	})
}
