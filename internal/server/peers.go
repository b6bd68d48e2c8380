package server

import (
	"fmt"
	"os"

	"github.com/daypass/daypass/internal/peers"
	"github.com/daypass/daypass/internal/rotation"
	"github.com/daypass/daypass/internal/store"
)

// openPeers has the node know the others of its store, where it can have others.
func (n *node) openPeers(c *Config, d *data) error {
	mail, ok := d.store.(store.Mail)
	if !ok {
		return nil
	}
	host, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("server: this machine's name, under which other nodes know this one: %w", err)
	}
	n.peers, err = peers.New(peers.Config{
		Mail: mail, Sealer: d.masterKey, Self: peerOf(&store.Node{Host: host, Path: c.DataDir}), Random: c.Random, Log: c.Log,
		Nodes: func() []peers.Peer {
			var running []peers.Peer
			for other := range n.directory.Snapshot().Nodes() {
				if c.Now().Sub(other.Heard) < rotation.Gone {
					running = append(running, peerOf(other))
				}
			}
			return running
		},
	})
	return err
}

// peerOf is a node as others ask it.
func peerOf(n *store.Node) peers.Peer {
	return peers.Peer{Box: store.NodeID(n.Host, n.Path).Key, Name: n.Host + ":" + n.Path, Heard: n.Heard}
}
