package emulator

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// systemMethods need no scope (api-reference/common in the documentation).
func systemMethods() []method {
	return []method{
		{name: "profile", run: profile},
		{name: "user.admin", run: func(c *call) (reply, *failure) { return ok(c.user.Admin) }},
		{name: "scope", run: func(c *call) (reply, *failure) { return ok(listOf(c.scopes)) }},
		{name: "app.info", run: appInfo},
		{name: "method.get", run: methodGet},
		{name: "feature.get", run: func(*call) (reply, *failure) { return ok(newArray("value", "Y")) }},
		{name: "server.time", run: func(c *call) (reply, *failure) { return ok(stamp(c.p.w.now().In(c.p.p.Zone))) }},
		{name: "events", app: true, run: func(*call) (reply, *failure) { return ok(listOf(knownEvents)) }},
	}
}

func profile(c *call) (reply, *failure) {
	return ok(newArray("ID", idText(c.user.ID), "ADMIN", c.user.Admin, "NAME", c.user.Name,
		"LAST_NAME", c.user.LastName, "PERSONAL_GENDER", "", "TIME_ZONE", c.user.Zone))
}

// appInfo is the portal's app.info; the OAuth server's is another method.
func appInfo(c *call) (reply, *failure) {
	if c.hook {
		return denied("Access denied! Application context required")
	}
	p := c.p
	family := map[string]string{"": "std", "ent": "ent", "box": "selfhosted"}[p.p.License]
	kind := pick(p.p.License == "ent", "ent250", family)
	return ok(newArray("ID", appID, "CODE", p.p.AppCode, "VERSION", p.version(), "STATUS", p.status(),
		"INSTALLED", p.Installed(), "PAYMENT_EXPIRED", "N", "DAYS", nil, "LANGUAGE_ID", p.p.Lang,
		"LICENSE", p.p.Lang+"_"+kind, "LICENSE_TYPE", kind, "LICENSE_FAMILY", family))
}

// methodGet does not know the methods of controllers, such as crm.item.*.
func methodGet(c *call) (reply, *failure) {
	name := strings.ToLower(text(c.params.fold("name")))
	m, known := c.p.w.methods[name]
	known = known && !strings.HasPrefix(name, "crm.item.") && !strings.HasPrefix(name, "crm.type.") || name == "batch"
	return ok(newArray("isExisting", known, "isAvailable", known && covers(c.scopes, m.scope)))
}

// userMethods answer for the scopes user, user_basic and user_brief
// (api-reference/user in the documentation).
func userMethods() []method {
	return []method{
		{name: "user.current", scope: "user", run: userCurrent},
		{name: "user.get", scope: "user", run: userGet},
		{name: "user.search", scope: "user", run: userSearch},
	}
}

// userCurrent writes the last activity as text, where user.get has an object.
func userCurrent(c *call) (reply, *failure) {
	row := c.userRow(c.user)
	if row.has("LAST_ACTIVITY_DATE") {
		row.set("LAST_ACTIVITY_DATE", c.p.w.now().In(c.p.p.Zone).Format(time.DateTime))
	}
	return ok(row)
}

// userFields are the fields a scope shows and lets filter by.
func (c *call) userFields() []string {
	out := []string{"ID", "XML_ID", "ACTIVE", "NAME", "LAST_NAME", "SECOND_NAME", "TIME_ZONE", "WORK_POSITION", "UF_DEPARTMENT", "PERSONAL_GENDER", "PERSONAL_BIRTHDAY", "USER_TYPE"}
	if slices.Contains(c.scopes, "user_basic") || slices.Contains(c.scopes, "user") {
		out = append(out, "EMAIL", "DATE_REGISTER", "IS_ONLINE", "WORK_PHONE", "PERSONAL_MOBILE", "PERSONAL_WWW", "PERSONAL_CITY", "UF_EMPLOYMENT_DATE", "TIMESTAMP_X", "LAST_ACTIVITY_DATE")
	}
	if slices.Contains(c.scopes, "user") {
		out = append(out, "LAST_LOGIN")
	}
	return out
}

func (c *call) userRow(u User) *array {
	all := newArray("ID", idText(u.ID), "XML_ID", idText(u.ID), "ACTIVE", !u.Dismissed, "NAME", u.Name, "LAST_NAME", u.LastName,
		"SECOND_NAME", u.SecondName, "EMAIL", u.Email, "LAST_LOGIN", stamp(c.p.w.now().In(c.p.p.Zone)),
		"DATE_REGISTER", "2026-01-12T00:00:00+00:00", "TIME_ZONE", u.Zone, "IS_ONLINE", "N",
		"TIMESTAMP_X", emptyObject{}, "LAST_ACTIVITY_DATE", emptyObject{},
		"PERSONAL_GENDER", "", "PERSONAL_WWW", "", "PERSONAL_BIRTHDAY", "", "PERSONAL_MOBILE", u.Phone, "PERSONAL_CITY", "",
		"WORK_PHONE", u.Phone, "WORK_POSITION", u.Position, "UF_EMPLOYMENT_DATE", "", "UF_DEPARTMENT", listOf([]int{1}),
		"USER_TYPE", pick(u.Extranet, "extranet", "employee"))
	out := newArray()
	allowed := c.userFields()
	for _, k := range all.keys {
		if slices.Contains(allowed, k) {
			out.set(k, all.vals[k])
		}
	}
	return out
}

// emptyObject is written as {}, which some fields are.
type emptyObject struct{}

// userGet filters by FILTER or by flat keys. What the scope does not allow is
// dropped silently, so a filter by e-mail under user_brief finds everybody.
func userGet(c *call) (reply, *failure) {
	filter, isArray := c.params.fold("FILTER").(*array)
	if !isArray {
		filter = c.params
	}
	allowed := append(c.userFields(), "NAME_SEARCH")
	return c.users(func(u User) bool {
		row := c.userRow(u)
		for _, key := range filter.keys {
			op, name := splitOperator(key)
			name = strings.ToUpper(name)
			if !slices.Contains(allowed, name) {
				continue
			}
			if !userPasses(u, row, op, name, filter.vals[key]) {
				return false
			}
		}
		return true
	})
}

func userPasses(u User, row *array, op, name string, want any) bool {
	list := []any{want}
	if a, isArray := want.(*array); isArray {
		list = a.values()
	}
	not := strings.HasPrefix(op, "!")
	hit := slices.ContainsFunc(list, func(w any) bool {
		switch name {
		case "NAME_SEARCH":
			return strings.Contains(strings.ToLower(u.Name+" "+u.LastName), strings.ToLower(text(w)))
		case "ACTIVE":
			return (truth(w) || text(w) == "1") == !u.Dismissed
		}
		have, wanted := strings.ToLower(text(row.get(name))), strings.ToLower(text(w))
		if strings.Contains(op, "%") {
			return strings.Contains(have, strings.Trim(wanted, "%"))
		}
		if name == "ID" && strings.ContainsAny(op, "<>") {
			return compare(op, floatval(have), floatval(w))
		}
		return have == wanted
	})
	return hit != not
}

func userSearch(c *call) (reply, *failure) {
	filter, isArray := c.params.fold("FILTER").(*array)
	if !isArray {
		filter = c.params
	}
	return c.users(func(u User) bool {
		if find := strings.ToLower(text(filter.fold("FIND"))); find != "" {
			return strings.Contains(strings.ToLower(u.Name+" "+u.LastName+" "+u.Position), find)
		}
		for key, have := range map[string]string{"NAME": u.Name, "LAST_NAME": u.LastName, "WORK_POSITION": u.Position} {
			if want := strings.ToLower(text(filter.fold(key))); want != "" && !strings.Contains(strings.ToLower(have), want) {
				return false
			}
		}
		return true
	})
}

// users answers a page of the users that pass.
func (c *call) users(pass func(User) bool) (reply, *failure) {
	var found []User
	for _, u := range c.p.Users() {
		if pass(u) {
			found = append(found, u)
		}
	}
	start := int(intval(c.params.fold("start")))
	from := min(max(start, 0), len(found))
	rows := newArray()
	for _, u := range found[from:min(from+pageSize, len(found))] {
		rows.push(c.userRow(u))
	}
	r := reply{rows, -1, -1}
	if start >= 0 {
		r.total = len(found)
		if next := from + rows.len(); next < len(found) {
			r.next = next
		}
	}
	return r, nil
}

// optionMethods keep small values for the app and for each of its users.
func optionMethods() []method {
	return []method{
		{name: "app.option.get", app: true, run: func(c *call) (reply, *failure) { return c.options(c.p.optionsOf(0)) }},
		{name: "app.option.set", app: true, run: appOptionSet},
		{name: "user.option.get", app: true, run: func(c *call) (reply, *failure) { return c.options(c.p.optionsOf(c.user.ID)) }},
		{name: "user.option.set", app: true, run: func(c *call) (reply, *failure) { return c.setOptions(c.p.optionsOf(c.user.ID)) }},
	}
}

// optionsOf are the options of a user, of the app itself for 0.
func (p *Portal) optionsOf(user int64) *array {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.options[user] == nil {
		p.options[user] = newArray()
	}
	return p.options[user]
}

func (c *call) options(all *array) (reply, *failure) {
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	if name := text(c.params.get("option")); name != "" {
		return ok(all.get(name))
	}
	return ok(all.clone())
}

func (a *array) clone() *array {
	out := newArray()
	for _, k := range a.keys {
		out.set(k, a.vals[k])
	}
	return out
}

func (c *call) setOptions(all *array) (reply, *failure) {
	sent := c.params.sub("options")
	if sent.len() == 0 {
		return refuse(http.StatusBadRequest, "ArgumentNullException", "options is empty")
	}
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	for _, k := range sent.keys {
		all.set(k, sent.vals[k])
	}
	return ok(true)
}

func appOptionSet(c *call) (reply, *failure) {
	if !c.user.Admin {
		return refuse(http.StatusForbidden, "AccessException", "Administrator authorization required")
	}
	return c.setOptions(c.p.optionsOf(0))
}
