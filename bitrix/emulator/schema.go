package emulator

import "fmt"

// sys is a system field; upper is its database name.
func sys(name, upper, typ, en, ru string) *field {
	return &field{name: name, upper: upper, typ: typ, title: en, titles: map[string]string{"ru": ru}}
}

func (f *field) ro() *field         { f.readOnly = true; return f }
func (f *field) many() *field       { f.multiple = true; return f }
func (f *field) past() *field       { f.readOnly, f.history = true, true; return f }
func (f *field) old() *field        { f.deprecated = true; return f }
func (f *field) of(s string) *field { f.statusType = s; return f }

func openedField() *field {
	f := sys("opened", "OPENED", "boolean", "Publicly available", "Доступен для всех")
	// The document says so, though a boolean always has a value.
	f.required = true
	return f
}

func companyField(name, upper, en, ru string, mine bool) *field {
	f := sys(name, upper, "crm_company", en, ru)
	f.parent = typeCompany
	f.settings = newArray("parentEntityTypeId", typeCompany)
	if mine {
		f.settings = newArray("isMyCompany", true, "parentEntityTypeId", typeCompany, "isEmbeddedEditorEnabled", true)
	}
	return f
}

func clientFields() []*field {
	return []*field{
		companyField("companyId", "COMPANY_ID", "Company", "Компания", false),
		sys("contactId", "CONTACT_ID", "crm_contact", "Contact", "Контакт").old(),
		sys("contactIds", "CONTACT_IDS", "crm_contact", "CONTACT_IDS", "CONTACT_IDS").many(),
		sys("contacts", "CONTACTS", "crm_contact", "CONTACTS", "CONTACTS").many(),
	}
}

func historyFields() []*field {
	return []*field{
		sys("createdTime", "CREATED_TIME", "datetime", "Created at", "Дата создания").past(),
		sys("updatedTime", "UPDATED_TIME", "datetime", "Updated at", "Дата изменения").past(),
		sys("createdBy", "CREATED_BY", "user", "Created by", "Кем создан").past(),
		sys("updatedBy", "UPDATED_BY", "user", "Updated by", "Кем изменён").past(),
		sys("assignedById", "ASSIGNED_BY_ID", "user", "Assigned to", "Ответственный"),
	}
}

func moneyFields() []*field {
	return []*field{
		sys("currencyId", "CURRENCY_ID", "crm_currency", "Currency", "Валюта"),
		sys("isManualOpportunity", "IS_MANUAL_OPPORTUNITY", "boolean", "Amount calculation mode", "Режим расчёта суммы"),
		sys("opportunity", "OPPORTUNITY", "double", "Amount", "Сумма"),
		sys("taxValue", "TAX_VALUE", "double", "Tax amount", "Сумма налога"),
	}
}

func parentField(id int64, title string) *field {
	f := sys(fmt.Sprintf("parentId%d", id), fmt.Sprintf("PARENT_ID_%d", id), "crm_entity", title, title)
	f.parent = id
	return f
}

// spaFields are the fields of a smart process, in the order crm.item.fields
// gives them.
func (p *Portal) spaFields(t *Type) []*field {
	out := []*field{
		sys("id", "ID", "integer", "ID", "ID").ro(),
		sys("title", "TITLE", "string", "Name", "Название"),
		sys("xmlId", "XML_ID", "string", "External code", "Внешний код"),
	}
	out = append(out, historyFields()...)
	out = append(out, openedField(), sys("webformId", "WEBFORM_ID", "integer", "Created by CRM form", "Создано CRM-формой"))
	if t.BeginClose {
		out = append(out,
			sys("begindate", "BEGINDATE", "date", "Start date", "Дата начала"),
			sys("closedate", "CLOSEDATE", "date", "End date", "Дата завершения"))
	}
	if t.Client {
		out = append(out, clientFields()...)
	}
	if t.Observers {
		out = append(out, sys("observers", "OBSERVERS", "user", "Observers", "Наблюдатели").many())
	}
	out = append(out, sys("categoryId", "CATEGORY_ID", "crm_category", "Pipeline", "Воронка"))
	if t.Stages {
		dictionary := fmt.Sprintf("DYNAMIC_%d_STAGE_%d", t.EntityTypeID, defaultOf(t.Pipelines))
		out = append(out,
			sys("movedTime", "MOVED_TIME", "datetime", "Moved at", "Дата смены стадии").past(),
			sys("movedBy", "MOVED_BY", "user", "Moved by", "Кем сменена стадия").past(),
			sys("stageId", "STAGE_ID", "crm_status", "Stage", "Стадия").of(dictionary),
			sys("previousStageId", "PREVIOUS_STAGE_ID", "crm_status", "Previous stage", "Предыдущая стадия").of(dictionary).ro())
	}
	if t.Source {
		out = append(out,
			sys("sourceId", "SOURCE_ID", "crm_status", "Source", "Источник").of("SOURCE"),
			sys("sourceDescription", "SOURCE_DESCRIPTION", "text", "Additional source info", "Дополнительно об источнике"))
	}
	if t.Products {
		out = append(out, moneyFields()...)
	}
	if t.MyCompany {
		out = append(out, companyField("mycompanyId", "MYCOMPANY_ID", "Your company details", "Реквизиты вашей компании", true))
	}
	out = append(out,
		sys("lastActivityBy", "LAST_ACTIVITY_BY", "user", "Last activity in timeline by", "Кто совершил последнюю активность").ro(),
		sys("lastActivityTime", "LAST_ACTIVITY_TIME", "datetime", "Last activity", "Последняя активность").ro())
	for _, id := range t.Parents {
		if id != typeContact && id != typeCompany {
			out = append(out, parentField(id, p.typeTitle(id)))
		}
	}
	for _, f := range t.Fields {
		out = append(out, userField(f))
	}
	return out
}

func defaultOf(pipes []Pipeline) int64 {
	for _, p := range pipes {
		if p.Default {
			return p.ID
		}
	}
	if len(pipes) > 0 {
		return pipes[0].ID
	}
	return 0
}

func userField(f Field) *field {
	u := &field{
		name: f.Name, upper: f.Name, typ: f.Type, title: f.Title, titles: f.Titles,
		multiple: f.Multiple, required: f.Required, dynamic: true, options: f.Options,
	}
	settings := defaultSettings(f.Type)
	for _, k := range sortedKeys(f.Settings) {
		settings.set(k, toPHP(f.Settings[k]))
	}
	u.settings = settings
	u.fallback = settings.get("DEFAULT_VALUE")
	if f.Type == "crm_status" {
		u.statusType = text(settings.get("ENTITY_TYPE"))
	}
	return u
}

// defaultSettings are the settings a field of a type has
// (userfieldconfig-add#settings in the documentation).
func defaultSettings(typ string) *array {
	switch typ {
	case "string", "string_formatted":
		return newArray("SIZE", 20, "ROWS", 1, "REGEXP", "", "MIN_LENGTH", 0, "MAX_LENGTH", 0, "DEFAULT_VALUE", "")
	case "integer":
		return newArray("SIZE", 20, "MIN_VALUE", 0, "MAX_VALUE", 0, "DEFAULT_VALUE", nil)
	case "double":
		return newArray("PRECISION", 2, "SIZE", 20, "MIN_VALUE", 0, "MAX_VALUE", 0, "DEFAULT_VALUE", nil)
	case "boolean":
		return newArray("DEFAULT_VALUE", 0, "DISPLAY", "CHECKBOX", "LABEL", newArray("0", "", "1", ""), "LABEL_CHECKBOX", "")
	case "date":
		return newArray("DEFAULT_VALUE", newArray("TYPE", "NONE", "VALUE", ""))
	case "datetime":
		return newArray("DEFAULT_VALUE", newArray("TYPE", "NONE", "VALUE", ""), "USE_SECOND", "Y", "USE_TIMEZONE", "N")
	case "enumeration":
		return newArray("DISPLAY", "LIST", "LIST_HEIGHT", 1, "CAPTION_NO_VALUE", "", "SHOW_NO_VALUE", "Y")
	case "money":
		return newArray("DEFAULT_VALUE", "")
	case "url":
		return newArray("POPUP", "Y", "SIZE", 20, "MIN_LENGTH", 0, "MAX_LENGTH", 0, "DEFAULT_VALUE", "", "ROWS", 1)
	case "address":
		return newArray("SHOW_MAP", "Y")
	case "file":
		return newArray("SIZE", 20, "LIST_WIDTH", 0, "LIST_HEIGHT", 0, "MAX_SHOW_SIZE", 0, "MAX_ALLOWED_SIZE", 0, "EXTENSIONS", newArray(), "TARGET_BLANK", "Y")
	case "crm":
		return newArray("LEAD", "N", "CONTACT", "N", "COMPANY", "N", "DEAL", "N")
	case "iblock_element", "iblock_section":
		return newArray("DISPLAY", "LIST", "LIST_HEIGHT", 1, "IBLOCK_ID", 0, "DEFAULT_VALUE", "", "ACTIVE_FILTER", "N")
	case "resourcebooking":
		return newArray("USE_USERS", "Y", "USE_RESOURCES", "N")
	case "hlblock":
		return newArray("DISPLAY", "LIST", "LIST_HEIGHT", 1, "HLBLOCK_ID", 0, "HLFIELD_ID", 0, "DEFAULT_VALUE", "")
	}
	return newArray()
}

func contactFields() []*field {
	out := []*field{
		sys("id", "ID", "integer", "ID", "ID").ro(),
	}
	out = append(out, historyFields()...)
	return append(out, openedField(),
		sys("name", "NAME", "string", "First name", "Имя"),
		sys("lastName", "LAST_NAME", "string", "Last name", "Фамилия"),
		sys("secondName", "SECOND_NAME", "string", "Middle name", "Отчество"),
		sys("post", "POST", "string", "Position", "Должность"),
		companyField("companyId", "COMPANY_ID", "Company", "Компания", false),
		sys("sourceId", "SOURCE_ID", "crm_status", "Source", "Источник").of("SOURCE"),
		sys("comments", "COMMENTS", "text", "Comment", "Комментарий"),
		sys("originId", "ORIGIN_ID", "string", "External ID", "Внешний ключ"),
		sys("phone", "PHONE", "string", "Phone", "Телефон").ro(),
		sys("email", "EMAIL", "string", "E-mail", "E-mail").ro(),
		sys("fm", "FM", "crm_multifield", "Contact information", "Контактная информация").many())
}

// titledFields are the least that an entity has: leads, quotes and invoices
// are here to be linked to.
func titledFields() []*field {
	out := []*field{
		sys("id", "ID", "integer", "ID", "ID").ro(),
		sys("title", "TITLE", "string", "Name", "Название"),
	}
	return append(out, historyFields()...)
}

func companyFields() []*field {
	out := []*field{
		sys("id", "ID", "integer", "ID", "ID").ro(),
		sys("title", "TITLE", "string", "Company name", "Название компании"),
	}
	out = append(out, historyFields()...)
	return append(out, openedField(),
		sys("isMyCompany", "IS_MY_COMPANY", "boolean", "My company", "Моя компания"),
		sys("industry", "INDUSTRY", "crm_status", "Industry", "Сфера деятельности").of("INDUSTRY"),
		sys("comments", "COMMENTS", "text", "Comment", "Комментарий"),
		sys("originId", "ORIGIN_ID", "string", "External ID", "Внешний ключ"),
		sys("phone", "PHONE", "string", "Phone", "Телефон").ro(),
		sys("email", "EMAIL", "string", "E-mail", "E-mail").ro(),
		sys("fm", "FM", "crm_multifield", "Contact information", "Контактная информация").many())
}

func dealFields() []*field {
	out := []*field{
		sys("id", "ID", "integer", "ID", "ID").ro(),
		sys("title", "TITLE", "string", "Name", "Название"),
	}
	out = append(out, historyFields()...)
	out = append(out, openedField(),
		sys("categoryId", "CATEGORY_ID", "crm_category", "Pipeline", "Воронка"),
		sys("stageId", "STAGE_ID", "crm_status", "Stage", "Стадия").of("DEAL_STAGE"),
		sys("previousStageId", "PREVIOUS_STAGE_ID", "crm_status", "Previous stage", "Предыдущая стадия").of("DEAL_STAGE").ro(),
		sys("movedTime", "MOVED_TIME", "datetime", "Moved at", "Дата смены стадии").past(),
		sys("movedBy", "MOVED_BY", "user", "Moved by", "Кем сменена стадия").past(),
		sys("begindate", "BEGINDATE", "date", "Start date", "Дата начала"),
		sys("closedate", "CLOSEDATE", "date", "End date", "Дата завершения"),
		sys("sourceId", "SOURCE_ID", "crm_status", "Source", "Источник").of("SOURCE"),
		sys("comments", "COMMENTS", "text", "Comment", "Комментарий"),
		sys("originId", "ORIGIN_ID", "string", "External ID", "Внешний ключ"))
	out = append(out, clientFields()...)
	return append(out, moneyFields()...)
}
