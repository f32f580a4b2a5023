package scripted

import (
	"bytes"
	"crypto/cipher"
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// errRecord says that a record did not decrypt: wrong key, sequence or octets.
var errRecord = errors.New("the record does not decrypt")

// protection seals or opens the records of one direction. It serves tests of
// other people's devices with keys of a lab: its CBC takes no care of timing.
type protection struct {
	suite        suite
	mac, key, iv []byte
	seq          uint64
}

// overhead is the most that protection adds to a record's length: an IV, a
// MAC of SHA-384 and 256 octets of padding.
const overhead = 16 + 48 + 256

// seal protects one fragment (RFC 5246 6.2.3).
func (p *protection) seal(random io.Reader, kind uint8, version uint16, plain []byte) ([]byte, error) {
	ad := p.additional(kind, version, len(plain))
	block, err := p.suite.block(p.key)
	if err != nil {
		return nil, err
	}
	if p.suite.mac == nil {
		gcm, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		explicit := ad[:8] // the sequence number never repeats
		nonce := append(bytes.Clone(p.iv), explicit...)
		return gcm.Seal(bytes.Clone(explicit), nonce, plain, ad), nil
	}
	size := block.BlockSize()
	out := make([]byte, size, size+len(plain)+overhead)
	if _, err := io.ReadFull(random, out); err != nil {
		return nil, err
	}
	out = append(out, plain...)
	out = append(out, p.sum(ad, plain)...)
	padding := size - len(out)%size
	out = append(out, bytes.Repeat([]byte{byte(padding - 1)}, padding)...)
	cipher.NewCBCEncrypter(block, out[:size]).CryptBlocks(out[size:], out[size:])
	return out, nil
}

// open is the opposite of seal.
func (p *protection) open(kind uint8, version uint16, body []byte) ([]byte, error) {
	block, err := p.suite.block(p.key)
	if err != nil {
		return nil, err
	}
	if p.suite.mac == nil {
		gcm, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		if len(body) < 8+gcm.Overhead() {
			return nil, fmt.Errorf("%w: %d octets are too few", errRecord, len(body))
		}
		ad := p.additional(kind, version, len(body)-8-gcm.Overhead())
		plain, err := gcm.Open(nil, append(bytes.Clone(p.iv), body[:8]...), body[8:], ad)
		if err != nil {
			return nil, errRecord
		}
		return plain, nil
	}
	size, mac := block.BlockSize(), p.suite.mac().Size()
	if len(body)%size != 0 || len(body) < size+mac+1 {
		return nil, fmt.Errorf("%w: %d octets", errRecord, len(body))
	}
	plain := make([]byte, len(body)-size)
	cipher.NewCBCDecrypter(block, body[:size]).CryptBlocks(plain, body[size:])
	padding := int(plain[len(plain)-1]) + 1
	if padding+mac > len(plain) {
		return nil, errRecord
	}
	for _, b := range plain[len(plain)-padding:] {
		if int(b)+1 != padding {
			return nil, errRecord
		}
	}
	plain = plain[:len(plain)-padding]
	plain, tag := plain[:len(plain)-mac], plain[len(plain)-mac:]
	if !hmac.Equal(tag, p.sum(p.additional(kind, version, len(plain)), plain)) {
		return nil, errRecord
	}
	return plain, nil
}

// additional returns what is authenticated beside the fragment, and counts the
// record (RFC 5246 6.2.3.1, 6.2.3.3).
func (p *protection) additional(kind uint8, version uint16, length int) []byte {
	ad := binary.BigEndian.AppendUint64(nil, p.seq)
	p.seq++
	ad = append(ad, kind)
	ad = binary.BigEndian.AppendUint16(ad, version)
	return appendNumber(ad, 2, length)
}

func (p *protection) sum(ad, plain []byte) []byte {
	m := hmac.New(p.suite.mac, p.mac)
	m.Write(ad)
	m.Write(plain)
	return m.Sum(nil)
}
