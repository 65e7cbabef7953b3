package simulator

type meWire struct {
	Account accountWire `json:"account"`
	Token   tokenWire   `json:"token"`
}

type accountWire struct {
	Email       string  `json:"email"`
	FirstName   *string `json:"first_name"`
	LastName    *string `json:"last_name"`
	CompanyName *string `json:"company_name"`
	CreatedAt   string  `json:"created_at"`
}

type tokenWire struct {
	Name        string   `json:"name"`
	Permissions []string `json:"permissions"`
	CreatedAt   *string  `json:"created_at"`
	LastUsedAt  *string  `json:"last_used_at"`
	ExpiresAt   *string  `json:"expires_at"`
	IsExpired   bool     `json:"is_expired"`
}

func (c *call) me() *answer {
	a, t := c.Account, c.token
	return ok(meWire{
		Account: accountWire{
			Email: a.Email, FirstName: orNull(a.FirstName), LastName: orNull(a.LastName),
			CompanyName: orNull(a.CompanyName), CreatedAt: a.CreatedAt.UTC().Format("2006-01-02"),
		},
		Token: tokenWire{
			Name: t.Name, Permissions: array(t.Permissions),
			CreatedAt: stamp(t.CreatedAt), LastUsedAt: stamp(t.LastUsedAt), ExpiresAt: stamp(t.ExpiresAt),
			IsExpired: t.Expired,
		},
	})
}
