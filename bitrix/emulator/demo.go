package emulator

import (
	"fmt"
	"time"
)

// DemoProfile is a portal with a little of everything: three smart processes
// with user fields of every type, contacts, companies, deals and employees.
// Names, numbers and addresses are invented. It is meant to be served on
// 127.0.0.1:8081, with the OAuth server on 127.0.0.1:8082.
func DemoProfile() Profile {
	return Profile{
		MemberID: "5b1f0c7a9e3d42688c0f7d21a6b3e594", Domain: "127.0.0.1:8081", Scheme: "http",
		Lang: "en", Zone: time.FixedZone("", 3*3600), AppCode: "example.spa_importer",
		Scopes:     []string{"crm", "placement", "user_brief", "im", "lists", "userfieldconfig"},
		Users:      demoUsers(),
		Workplaces: []Workplace{{ID: 1, Title: "Operations"}},
		Types:      []Type{demoContracts(), demoEquipment(), demoRequests()},
		Companies:  demoCompanies(), Contacts: demoContacts(), Deals: demoDeals(),
		Leads: []map[string]any{{"title": "Request from the website"}}, Quotes: []map[string]any{{"title": "Estimate 1"}},
		Invoices: []map[string]any{{"title": "Invoice 1"}},
		Lists: []List{{ID: 33, Elements: map[int64]string{1: "Supply contract", 2: "Service contract"},
			Sections: map[int64]string{5: "Templates", 6: "Archive"}}},
		Currencies: []string{"EUR", "USD", "GBP", "RUB"},
		Statuses: map[string][]Stage{"SOURCE": {
			{"CALL", "Call", ""}, {"EMAIL", "E-mail", ""}, {"WEB", "Website", ""}, {"PARTNER", "Existing client", ""},
			{"TRADE_SHOW", "Trade show", ""}, {"OTHER", "Other", ""}}},
	}
}

// The entityTypeIds of the demo's smart processes.
const (
	DemoContracts = 177
	DemoEquipment = 1034
	DemoRequests  = 1038
)

func demoUsers() []User {
	u := func(id int64, name, last, position string) User {
		return User{ID: id, Name: name, LastName: last, Position: position,
			Email: fmt.Sprintf("%s.%s@example.com", lower(name), lower(last)), Zone: "Europe/Riga"}
	}
	out := []User{
		u(1, "Alex", "Sample", "Administrator"), u(2, "Maria", "Example", "Head of sales"),
		u(3, "Ivan", "Testov", "Sales manager"), u(4, "Olga", "Primerova", "Sales manager"),
		u(5, "John", "Placeholder", "Purchasing"), u(6, "Nina", "Mustermann", "Service engineer"),
		u(7, "Pavel", "Obrazets", "Service engineer"), u(8, "Ana", "Modelo", "Accountant"),
	}
	out[0].Admin = true
	out[1].CRMAdmin = true
	out[7].Rights = map[int64]Rights{
		DemoContracts: {Read: Own, Add: Own, Import: None, Update: Own, Delete: None},
		DemoEquipment: {Read: All, Add: None, Import: None, Update: None, Delete: None},
	}
	return out
}

func demoContracts() Type {
	uf := func(n int, typ, title, ru string) Field {
		return Field{Name: fmt.Sprintf("UF_CRM_7_17473097%02d", n), Type: typ, Title: title, Titles: titled(title, ru)}
	}
	multiple := func(f Field) Field { f.Multiple = true; return f }
	options := func(f Field, from int64, values ...string) Field {
		for i, v := range values {
			f.Options = append(f.Options, Option{ID: from + int64(i), Value: v})
		}
		return f
	}
	with := func(f Field, settings map[string]any) Field { f.Settings = settings; return f }
	number := uf(1, "string", "Contract number", "Номер договора")
	number.Required = true
	return Type{
		ID: 7, EntityTypeID: DemoContracts, Title: "Contracts", Code: "contracts",
		Categories: true, Stages: true, BeginClose: true, Client: true, Products: true, MyCompany: true,
		Observers: true, Source: true, InUserfield: true, RecycleBin: true, Automation: true,
		Parents: []int64{typeDeal, DemoEquipment},
		Pipelines: []Pipeline{
			{ID: 9, Name: "Sales", Default: true, Stages: []Stage{{"NEW", "New", ""}, {"PREPARATION", "In preparation", ""},
				{"CLIENT", "With the client", ""}, {"SUCCESS", "Signed", "S"}, {"FAIL", "Declined", "F"}}},
			{ID: 11, Name: "Renewals", Stages: []Stage{{"NEW", "New", ""}, {"PREPARATION", "In preparation", ""},
				{"SUCCESS", "Renewed", "S"}, {"FAIL", "Ended", "F"}}},
		},
		Fields: []Field{
			number,
			with(uf(2, "string", "Subject", "Предмет договора"), map[string]any{"ROWS": 5}),
			uf(3, "integer", "Term, months", "Срок, месяцев"),
			with(uf(4, "double", "Discount, %", "Скидка, %"), map[string]any{"PRECISION": 2, "MIN_VALUE": 0, "MAX_VALUE": 100}),
			uf(5, "money", "Contract value", "Стоимость"),
			uf(6, "date", "Signed on", "Дата подписания"),
			uf(7, "datetime", "Next meeting", "Следующая встреча"),
			uf(8, "boolean", "Original received", "Оригинал получен"),
			options(uf(9, "enumeration", "Kind", "Вид"), 79, "Supply", "Service", "Lease", "Framework"),
			multiple(options(uf(10, "enumeration", "Labels", "Метки"), 91, "Urgent", "VIP", "Archive")),
			multiple(uf(11, "url", "Links", "Ссылки")),
			uf(12, "address", "Delivery address", "Адрес поставки"),
			uf(13, "employee", "Lawyer", "Юрист"),
			multiple(uf(14, "employee", "Participants", "Участники")),
			with(uf(15, "crm", "Contact person", "Контактное лицо"), map[string]any{"CONTACT": "Y"}),
			multiple(with(uf(16, "crm", "Related items", "Связанные элементы"), map[string]any{
				"CONTACT": "Y", "COMPANY": "Y", "DEAL": "Y", "LEAD": "Y", fmt.Sprintf("DYNAMIC_%d", DemoEquipment): "Y"})),
			with(uf(17, "crm_status", "Industry", "Отрасль"), map[string]any{"ENTITY_TYPE": "INDUSTRY"}),
			uf(18, "file", "Scan", "Скан"),
			multiple(uf(19, "file", "Attachments", "Приложения")),
			with(uf(20, "iblock_element", "Template", "Шаблон"), map[string]any{"IBLOCK_ID": 33}),
			with(uf(21, "iblock_section", "Folder", "Раздел"), map[string]any{"IBLOCK_ID": 33}),
			multiple(uf(22, "string", "Keywords", "Ключевые слова")),
			multiple(uf(23, "money", "Instalments", "Платежи")),
			multiple(uf(24, "date", "Reminders", "Напоминания")),
			with(uf(25, "hlblock", "Warehouse", "Склад"), map[string]any{"HLBLOCK_ID": 3, "HLFIELD_ID": 12}),
			multiple(uf(26, "resourcebooking", "Booking", "Бронирование")),
			multiple(uf(27, "integer", "Floors", "Этажи")),
			multiple(uf(28, "double", "Measurements", "Замеры")),
		},
		Items: []map[string]any{
			{"title": "Framework agreement 2026", "xmlId": "ERP-1001", "UF_CRM_7_1747309701": "FA-2026/001", "assignedById": 3, "companyId": 1},
			{"title": "Service contract, north", "xmlId": "ERP-1002", "UF_CRM_7_1747309701": "SC-2026/014", "assignedById": 4, "stageId": "DT177_9:CLIENT"},
		},
	}
}

func demoEquipment() Type {
	f := func(name, typ, title, ru string) Field {
		return Field{Name: "UF_CRM_8_" + name, Type: typ, Title: title, Titles: map[string]string{"ru": ru}}
	}
	kind := f("KIND", "enumeration", "Kind", "Вид")
	kind.Options = []Option{{ID: 101, Value: "Laptop"}, {ID: 102, Value: "Monitor"}, {ID: 103, Value: "Printer"}, {ID: 104, Value: "Phone"}}
	serial := f("SERIAL", "string", "Serial number", "Серийный номер")
	return Type{
		ID: 8, EntityTypeID: DemoEquipment, Title: "Equipment", Code: "equipment", Workplace: 1,
		Stages: true, Client: true, InUserfield: true, Observers: true,
		Fields: []Field{serial, kind, f("PRICE", "money", "Price", "Цена"), f("BOUGHT", "date", "Bought on", "Дата покупки"),
			f("WORKING", "boolean", "In working order", "Исправно"), f("KEEPER", "employee", "Keeper", "Ответственный за хранение"),
			f("ROOM", "integer", "Room", "Кабинет")},
		Items: []map[string]any{
			{"title": "Laptop 14″", "UF_CRM_8_SERIAL": "LT-0001", "UF_CRM_8_KIND": 101},
			{"title": "Printer, hall", "UF_CRM_8_SERIAL": "PR-0007", "UF_CRM_8_KIND": 103},
		},
	}
}

func demoRequests() Type {
	f := func(name, typ, title, ru string) Field {
		return Field{Name: "UF_CRM_10_" + name, Type: typ, Title: title, Titles: map[string]string{"ru": ru}}
	}
	return Type{
		ID: 10, EntityTypeID: DemoRequests, Title: "Requests", Code: "requests", Workplace: 1,
		Stages: true, Source: true, BeginClose: true, Parents: []int64{DemoContracts, typeDeal},
		Pipelines: []Pipeline{{ID: 15, Name: "General", Default: true, Stages: []Stage{
			{"NEW", "Received", ""}, {"WORK", "In progress", ""}, {"WAIT", "Waiting for parts", ""}, {"SUCCESS", "Solved", "S"}, {"FAIL", "Rejected", "F"}}}},
		Fields: []Field{f("TEXT", "string", "Description", "Описание"), f("PRIORITY", "integer", "Priority", "Приоритет"),
			f("PHONE", "string", "Caller's phone", "Телефон заявителя"), f("VISIT", "datetime", "Visit", "Выезд"), f("SITE", "address", "Site", "Объект")},
	}
}
