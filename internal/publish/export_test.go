package publish

// SetStep has f called between the writes.
func (p *Publisher) SetStep(f func(name string)) { p.step = f }
