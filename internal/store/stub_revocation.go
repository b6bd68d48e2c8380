package store

type Revocation struct{ ID string }
