package policy

// Policies are all documents that apply to one request, by what they are
// attached to. A nil *Document in any of the lists, or one of a kind that does
// not belong there, denies explicitly. An empty list of Boundary or Session
// means that there is no such policy, and so no such limit; an empty list of
// Identity or Resource allows nothing.
type Policies struct {
	// Identity are the policies of the user, or of the role of the session.
	Identity []*Document
	// Boundary is the permissions boundary of the user or role.
	Boundary []*Document
	// Session are the policies that were given when the session was begun.
	Session []*Document
	// Resource is the policy of the resource.
	Resource []*Document
	// ResourceAccount is the 12-digit account that owns the resource; of an
	// action that has no resource, the caller's. While it is not the caller's
	// own, the request is one across accounts. The empty account is nobody's.
	ResourceAccount string
}

// Evaluation is the answer to one request by all its policies. The zero
// Evaluation denies.
type Evaluation struct {
	// Decision names the document and statement that gave the effect. Document
	// counts through the lists of Policies in the order of its fields.
	Decision
	// Kind says which policies decided: those that allowed, the one that denied
	// explicitly, or the first that did not allow where it had to.
	Kind Kind
}

// Evaluate answers one request by all policies that apply to it. It is total
// and the only way in which a permission is decided.
//
// A Deny that matches, in any document, decides. Otherwise, within one account,
// an Allow of the identity policies is enough if the permissions boundary and
// the session policies, where there are any, allow as well. An Allow of the
// resource's policy is worth what its principal says (see grant). Across
// accounts the resource's policy and the caller's own must both allow.
//
// With why, every statement of every document is looked at and told; what why
// held before is overwritten. With nil, Evaluate allocates no more than Decide.
// The answer is the same.
//
// Source: IAM User Guide, "Policy evaluation logic", "How AWS enforcement code
// logic evaluates requests to allow or deny access" and "Cross-account policy
// evaluation logic".
func Evaluate(r *Request, p *Policies, why *Reasons) Evaluation {
	return evaluate(r, p, Resource, why)
}

// EvaluateTrust answers whether a caller may act on a role, as in
// sts:AssumeRole. In place of p.Resource it takes the role's trust policy, which
// must allow even within one account. There, naming the caller is enough;
// naming only the account leaves it to the caller's own policies (same guide,
// "How AWS enforcement code logic evaluates requests to allow or deny access",
// resource-based policies).
//
// Who comes with a token, an AWS service and an anonymous caller have no
// policies of their own: the trust policy alone decides. So does the resource's
// policy, in Evaluate, about the last two.
func EvaluateTrust(r *Request, trust *Document, p *Policies, why *Reasons) Evaluation {
	var all Policies
	if p != nil {
		all = *p
	}
	document := [1]*Document{trust}
	all.Resource = document[:]
	return evaluate(r, &all, Trust, why)
}

// answers are the decisions of the four lists of Policies, each on its own.
type answers struct {
	identity, boundary, session, resource Decision
}

// evaluate is Evaluate, and EvaluateTrust where of is Trust.
func evaluate(r *Request, p *Policies, of Kind, why *Reasons) Evaluation {
	if r == nil {
		r = &Request{}
	}
	if p == nil {
		p = &Policies{}
	}
	if why != nil {
		*why = Reasons{Statements: []StatementReason{}}
	}
	var a answers
	at := 0
	a.identity, at = decideList(r, p.Identity, Identity, at, why)
	a.boundary, at = decideList(r, p.Boundary, Boundary, at, why)
	a.session, at = decideList(r, p.Session, Session, at, why)
	asked := *r
	asked.Principal.Bounded = asked.Principal.Bounded || len(p.Boundary) > 0
	a.resource, _ = decideList(&asked, p.Resource, of, at, why)
	e, denied := a.explicitDeny(of)
	if !denied {
		e = a.weigh(r, p, of)
	}
	if why != nil {
		why.Decision, why.Kind = e.Decision, e.Kind
	}
	return e
}

// decideList decides by one list, whose documents count from at on, and returns
// where the next list counts from.
func decideList(r *Request, docs []*Document, of Kind, at int, why *Reasons) (d Decision, next int) {
	docs = onlyOf(of, docs)
	if why == nil {
		d = Decide(r, docs, nil)
	} else {
		var own Reasons
		d = Decide(r, docs, &own)
		for i := range own.Statements {
			own.Statements[i].Document += at
			own.Statements[i].Kind = of
		}
		why.Statements = append(why.Statements, own.Statements...)
	}
	if d.Document >= 0 {
		d.Document += at
	}
	return d, at + len(docs)
}

// onlyOf puts nil, which denies, in the place of documents that do not belong
// among those of a kind: what names no principal would otherwise admit everyone.
func onlyOf(of Kind, docs []*Document) []*Document {
	for i, d := range docs {
		if d == nil || belongs(d.kind, of) {
			continue
		}
		kept := append([]*Document(nil), docs...)
		for j := i; j < len(kept); j++ {
			if kept[j] != nil && !belongs(kept[j].kind, of) {
				kept[j] = nil
			}
		}
		return kept
	}
	return docs
}

// belongs reports whether a document of a kind may stand for another. A managed
// policy may be a permissions boundary or a session policy, and is stored
// without knowing it.
func belongs(kind, of Kind) bool {
	return kind == of || kind == Identity && (of == Boundary || of == Session)
}

// explicitDeny finds the Deny that is told of. Where policies of several kinds
// deny, AWS tells of one of them and does not say of which; this is the order in
// which it evaluates (IAM User Guide, "Troubleshoot access denied error
// messages").
func (a *answers) explicitDeny(of Kind) (Evaluation, bool) {
	switch ExplicitDeny {
	case a.resource.Effect:
		return Evaluation{a.resource, of}, true
	case a.identity.Effect:
		return Evaluation{a.identity, Identity}, true
	case a.boundary.Effect:
		return Evaluation{a.boundary, Boundary}, true
	case a.session.Effect:
		return Evaluation{a.session, Session}, true
	}
	return Evaluation{}, false
}

// weigh decides where nothing denies explicitly.
func (a *answers) weigh(r *Request, p *Policies, of Kind) Evaluation {
	if who := &r.Principal; who.Federated != "" && of == Trust || who.Service != "" || who.Anonymous {
		if a.resource.Effect != Allow {
			return implicitDeny(of)
		}
		return a.resource.by(of)
	}
	limit := a.limit(p)
	if r.Principal.Account == "" || r.Principal.Account != p.ResourceAccount {
		switch {
		case a.resource.Effect != Allow:
			return implicitDeny(of)
		case a.identity.Effect != Allow:
			return implicitDeny(Identity)
		case limit != 0:
			return implicitDeny(limit)
		}
		return a.identity.by(Identity)
	}
	granted := noGrant
	if a.resource.Effect == Allow && (a.identity.Effect != Allow || limit != 0) {
		granted = grantOf(r, p.Resource)
	}
	switch {
	case of == Trust && a.resource.Effect != Allow:
		return implicitDeny(Trust)
	case granted == grantToCaller, granted == grantToRole && limit == 0:
		return a.resource.by(of)
	case a.identity.Effect != Allow && granted != grantToRole:
		return implicitDeny(Identity)
	case limit != 0:
		return implicitDeny(limit)
	}
	return a.identity.by(Identity)
}

// limit is the kind of the first limit that does not allow, 0 where all do.
func (a *answers) limit(p *Policies) Kind {
	switch {
	case len(p.Boundary) > 0 && a.boundary.Effect != Allow:
		return Boundary
	case len(p.Session) > 0 && a.session.Effect != Allow:
		return Session
	}
	return 0
}

// by says of a decision which policies it is of.
func (d Decision) by(kind Kind) Evaluation { return Evaluation{d, kind} }

func implicitDeny(kind Kind) Evaluation {
	return Decision{Document: -1, Statement: -1}.by(kind)
}

// grant is what an Allow of a resource's policy is worth within one account,
// which depends on whom its principal names (IAM User Guide, "How AWS
// enforcement code logic evaluates requests to allow or deny access",
// resource-based policies).
type grant uint8

const (
	noGrant grant = iota
	// grantToAccount names the account: it lets the account's own policies
	// decide (same guide, "AWS JSON policy elements: Principal", AWS account
	// principals).
	grantToAccount
	// grantToRole names the role of a session: it does without the identity
	// policies, and is limited by boundary and session policies.
	grantToRole
	// grantToCaller names the user or the session, or everyone: nothing but an
	// explicit deny limits it.
	grantToCaller
)

// grantOf gives the most that the Allows of a resource's policy are worth. It
// asks again for a caller who is known by less: what still allows names that.
func grantOf(r *Request, docs []*Document) grant {
	known := *r
	known.Principal = Principal{ARN: r.Principal.ARN}
	if r.Principal.RoleARN == "" {
		known.Principal.UniqueID = r.Principal.UniqueID
	}
	if someAllow(&known, docs) {
		return grantToCaller
	}
	known.Principal.RoleARN, known.Principal.UniqueID = r.Principal.RoleARN, r.Principal.UniqueID
	if someAllow(&known, docs) {
		return grantToRole
	}
	return grantToAccount
}

// someAllow reports whether an Allow matches. What a Deny says of a caller who
// is known by less is of no account: NotPrincipal would not spare that caller.
func someAllow(r *Request, docs []*Document) bool {
	for _, d := range docs {
		if d == nil {
			continue // denies, and has been heard
		}
		for i := range d.statements {
			if s := &d.statements[i]; !s.deny && s.matches(r, nil) {
				return true
			}
		}
	}
	return false
}
