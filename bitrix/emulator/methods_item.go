package emulator

import "net/http"

// maxImport is how many items crm.item.batchImport takes.
const maxImport = 20

// itemMethods are crm.item.* (crm/universal in the documentation).
func itemMethods() []method {
	return []method{
		{name: "crm.item.fields", scope: "crm", run: itemFields},
		{name: "crm.item.list", scope: "crm", run: itemList},
		{name: "crm.item.get", scope: "crm", run: itemGet},
		{name: "crm.item.add", scope: "crm", write: true, run: itemAdd},
		{name: "crm.item.import", scope: "crm", write: true, run: itemImport},
		{name: "crm.item.batchImport", scope: "crm", write: true, rows: true, run: itemBatchImport},
		{name: "crm.item.update", scope: "crm", write: true, run: itemUpdate},
		{name: "crm.item.delete", scope: "crm", write: true, run: itemDelete},
	}
}

func itemFields(c *call) (reply, *failure) {
	e, fail := c.target()
	if fail != nil {
		return reply{}, fail
	}
	if c.user.on(e.id).Read == None {
		return denied("Access denied")
	}
	fields := newArray()
	for _, f := range e.fields() {
		fields.set(f.shown(c.original()), f.describe(c.user.Lang))
	}
	return ok(newArray("fields", fields))
}

func itemList(c *call) (reply, *failure) {
	e, fail := c.target()
	if fail != nil {
		return reply{}, fail
	}
	return c.list(e)
}

func (c *call) id() int64 { return intval(c.params.get("id")) }

func itemGet(c *call) (reply, *failure) {
	e, fail := c.target()
	if fail != nil {
		return reply{}, fail
	}
	it, fail := c.find(e, c.id())
	if fail != nil {
		return reply{}, fail
	}
	return ok(newArray("item", c.shape(e, it, nil, c.original())))
}

func itemAdd(c *call) (reply, *failure) {
	e, fail := c.target()
	if fail != nil {
		return reply{}, fail
	}
	it, fail, _ := c.create(e, c.params.sub("fields"), byAdd)
	if fail != nil {
		return reply{}, fail
	}
	return ok(newArray("item", c.shape(e, it, nil, c.original())))
}

func itemImport(c *call) (reply, *failure) {
	e, fail := c.target()
	if fail != nil {
		return reply{}, fail
	}
	it, fail, _ := c.create(e, c.params.sub("fields"), byImport)
	if fail != nil {
		return reply{}, fail
	}
	return ok(newArray("item", newArray("id", it.ID)))
}

// itemBatchImport imports up to 20 rows one after another, without a
// transaction: a verdict for each, of which only the first error is told.
func itemBatchImport(c *call) (reply, *failure) {
	e, fail := c.target()
	if fail != nil {
		return reply{}, fail
	}
	data, isArray := c.params.get("data").(*array)
	switch {
	case !isArray:
		return refuse(http.StatusBadRequest, "100", "Could not find value for parameter {data}")
	case data.len() > maxImport:
		return refuse(http.StatusBadRequest, "MAX_IMPORT_BATCH_SIZE_EXCEEDED", "You can only import 20 items at a time")
	case c.user.on(e.id).Import == None:
		return denied("Access denied")
	}
	cost := c.p.cost(c.m.name)
	rows := data.keys
	if c.half {
		rows = rows[:len(rows)/2]
	}
	items := newArray()
	for _, key := range rows {
		if !c.step(cost) {
			break
		}
		fields, _ := data.vals[key].(*array)
		it, fail, late := c.create(e, fields, byImport)
		if fail == nil {
			fail = late
		}
		var verdict *array
		if fail != nil {
			verdict = newArray("error", fail.code, "error_description", fail.text)
		} else {
			verdict = newArray("item", newArray("id", it.ID))
		}
		if c.p.p.NoKeyedImport {
			items.push(verdict)
		} else {
			items.set(key, verdict)
		}
	}
	return ok(newArray("items", items))
}

func itemUpdate(c *call) (reply, *failure) {
	e, fail := c.target()
	if fail != nil {
		return reply{}, fail
	}
	it, fail := c.update(e, c.id(), c.params.sub("fields"))
	if fail != nil {
		return reply{}, fail
	}
	return ok(newArray("item", c.shape(e, it, nil, c.original())))
}

func itemDelete(c *call) (reply, *failure) {
	e, fail := c.target()
	if fail != nil {
		return reply{}, fail
	}
	it, fail := c.find(e, c.id())
	if fail != nil {
		return reply{}, fail
	}
	if !c.user.may(c.user.on(e.id).Delete, it) {
		return denied("Access denied")
	}
	c.p.mu.Lock()
	e.remove(it.ID)
	c.entry.Rows++
	c.p.mu.Unlock()
	return ok(newArray())
}
