package server

import (
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
	self, err := c.self()
	if err != nil {
		return err
	}
	n.peers, err = peers.New(peers.Config{
		Mail: mail, Sealer: d.masterKey, Self: peerOf(&self), Random: c.Random, Log: c.Log,
		Nodes: func() []peers.Peer {
			var running []peers.Peer
			for _, other := range rotation.Running(n.directory.Snapshot(), c.Now()) {
				running = append(running, peerOf(other))
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
