package field_test

import (
	"encoding/csv"
	"slices"
	"strings"
	"testing"

	"github.com/spa-importer/spa-importer/app/field"
	"github.com/spa-importer/spa-importer/bitrix"
)

// fileOf is a small table as people of a language make it, what its portal
// is like, and what the cells of the first row become.
type fileOf struct {
	csv        string
	stages     [2]string
	currencies []string
	order      string // of the dates in numbers
	created    string
	signed     string
	received   string
	amount     string
	value      string
}

// filesOf are the languages of the interface. The portal's titles are
// English, but for three own fields that are called as in the file.
var filesOf = map[string]fileOf{
	"en": {
		csv: "Name;Responsible;Stage;Amount;Company;Contact person;E-mail;Phone number;Created on;Remarks;Signed;Received;Value\n" +
			"Contract 1;Ann Sample;New;1,234.50;Example Ltd;Bob Sample;bob@example.com;+1 555 0100;04/25/2026 2:30 PM;none;March 5, 2026;yes;$1,234.56\n" +
			"Contract 2;Bob Sample;In work;7,000.00;Sample Inc;Ann Sample;ann@example.com;+1 555 0101;03/04/2026 9:00 AM;;April 6, 2026;No;$20\n",
		stages: [2]string{"New", "In work"}, currencies: []string{"EUR", "USD"}, order: field.MDY,
		created: `"2026-04-25T14:30:00+00:00"`, signed: `"2026-03-05"`, received: `"Y"`, amount: "1234.5", value: `"1234.56|USD"`,
	},
	"ru": {
		csv: "Название;Ответственный;Стадия;Сумма;Компания;Контактное лицо;Эл. почта;Телефон;Дата создания;Примечание;Подписан;Получен;Цена\n" +
			"Договор 1;Анна Примерова;Новый;1 234,50;ООО «Пример»;Борис Примеров;bob@example.com;+7 900 000-00-00;25.04.2026 14:30;нет;5 марта 2026 г.;да;1 234,56 ₽\n" +
			"Договор 2;Борис Примеров;В работе;7 000,00;ООО «Образец»;Анна Примерова;ann@example.com;+7 900 000-00-01;03.04.2026 09:00;;6 апр. 2026;Нет;20 руб.\n",
		stages: [2]string{"Новый", "В работе"}, currencies: []string{"RUB", "USD"}, order: field.DMY,
		created: `"2026-04-25T14:30:00+00:00"`, signed: `"2026-03-05"`, received: `"Y"`, amount: "1234.5", value: `"1234.56|RUB"`,
	},
	"de": {
		csv: "Bezeichnung;Zuständig;Phase;Betrag;Firma;Ansprechpartner;E-Mail-Adresse;Telefonnummer;Erstellt am;Bemerkungen;Unterzeichnet;Erhalten;Wert\n" +
			"Vertrag 1;Anna Muster;Neu;1.234,50;Muster GmbH;Bernd Muster;bob@example.com;+49 555 0100;25.04.2026 14:30 Uhr;keine;Donnerstag, 5. März 2026;ja;1.234,56 €\n" +
			"Vertrag 2;Bernd Muster;In Arbeit;7.000,00;Beispiel AG;Anna Muster;ann@example.com;+49 555 0101;03.04.2026 09:00 Uhr;;6. Apr. 2026;Nein;20 Euro\n",
		stages: [2]string{"Neu", "In Arbeit"}, currencies: []string{"EUR", "CHF"}, order: field.DMY,
		created: `"2026-04-25T14:30:00+00:00"`, signed: `"2026-03-05"`, received: `"Y"`, amount: "1234.5", value: `"1234.56|EUR"`,
	},
	"fr": {
		csv: "Intitulé;Responsable;Étape;Montant;Société;Interlocuteur;Courriel;Téléphone;Créé le;Remarques;Signé;Reçu;Valeur\n" +
			"Contrat 1;Anne Exemple;Nouveau;1 234,50;Exemple SARL;Bruno Exemple;bob@example.com;+33 555 0100;25/04/2026 14h30;aucune;jeudi 5 mars 2026;oui;1\u202f234,56 €\n" +
			"Contrat 2;Bruno Exemple;En cours;7 000,00;Modèle SA;Anne Exemple;ann@example.com;+33 555 0101;03/04/2026 9h00;;1er avr. 2026;Non;20 euros\n",
		stages: [2]string{"Nouveau", "En cours"}, currencies: []string{"EUR", "CHF"}, order: field.DMY,
		created: `"2026-04-25T14:30:00+00:00"`, signed: `"2026-03-05"`, received: `"Y"`, amount: "1234.5", value: `"1234.56|EUR"`,
	},
	"es": {
		csv: "Nombre;Persona responsable;Etapa;Importe;Compañía;Persona de contacto;Correo electrónico;Teléfono;Fecha de creación;Observaciones;Firmado;Recibido;Precio\n" +
			"Contrato 1;Ana Ejemplo;Nuevo;1.234,50;Ejemplo S.A.;Bruno Ejemplo;bob@example.com;+52 555 0100;25/04/2026 2:30 p.\u00a0m.;ninguna;jueves, 5 de marzo de 2026;sí;US$ 1.234,56\n" +
			"Contrato 2;Bruno Ejemplo;En curso;7.000,00;Muestra S.A.;Ana Ejemplo;ann@example.com;+52 555 0101;03/04/2026 9:00 a.\u00a0m.;;1.º de setiembre del 2026;No;20 dólares\n",
		stages: [2]string{"Nuevo", "En curso"}, currencies: []string{"USD", "MXN"}, order: field.DMY,
		created: `"2026-04-25T14:30:00+00:00"`, signed: `"2026-03-05"`, received: `"Y"`, amount: "1234.5", value: `"1234.56|USD"`,
	},
	"pt": {
		csv: "Nome;Responsável;Etapa;Valor;Empresa;Pessoa de contato;Endereço de e-mail;Telefone;Criado em;Observações;Assinado;Recebido;Preço total\n" +
			"Contrato 1;Ana Exemplo;Novo;1.234,50;Exemplo Ltda.;Bruno Exemplo;bob@example.com;+55 555 0100;25/04/2026 às 14h30;nenhuma;quinta-feira, 5 de março de 2026;sim;R$ 1.234,56\n" +
			"Contrato 2;Bruno Exemplo;Em andamento;7.000,00;Amostra S.A.;Ana Exemplo;ann@example.com;+55 555 0101;03/04/2026 às 9h00;;1º de out. de 2026;Não;20 reais\n",
		stages: [2]string{"Novo", "Em andamento"}, currencies: []string{"BRL", "USD"}, order: field.DMY,
		created: `"2026-04-25T14:30:00+00:00"`, signed: `"2026-03-05"`, received: `"Y"`, amount: "1234.5", value: `"1234.56|BRL"`,
	},
}

// TestFilesOfTheLanguages: a small file of each language goes where it
// should and is read as it is meant, without a question.
func TestFilesOfTheLanguages(t *testing.T) {
	for lang, f := range filesOf {
		t.Run(lang, func(t *testing.T) {
			rows := tableOf(t, f.csv)
			c := portal()
			c.Currencies, c.BaseCurrency = f.currencies, f.currencies[0]
			c.Stages = map[int64][]bitrix.Status{5: {{ID: "DT128_5:NEW", Name: f.stages[0]}, {ID: "DT128_5:WORK", Name: f.stages[1]}}}
			targets := targetsOf(c, rows[0][10], rows[0][11], rows[0][12])
			want := []string{"title", "assignedById", "stageId", "opportunity", "companyId", "contactIds",
				"UF_MAIL", "UF_PHONE", "createdTime", "UF_NOTE", "UF_SIGNED", "UF_RECEIVED", "UF_VALUE"}
			wires := map[string]string{"stageId": `"DT128_5:NEW"`, "opportunity": f.amount, "createdTime": f.created,
				"UF_SIGNED": f.signed, "UF_RECEIVED": f.received, "UF_VALUE": f.value}
			for i, header := range rows[0] {
				p := profileOf(rows[1][i], rows[2][i])
				best := field.Proposal{}
				if all := field.Match(header, p, targets, c); len(all) > 0 {
					best = all[0]
				}
				if best.Field != want[i] || best.Confidence < field.Certain {
					t.Errorf("%q: %+v, want %s for certain", header, best, want[i])
					continue
				}
				if wires[want[i]] == "" {
					continue
				}
				target := targets[slices.IndexFunc(targets, func(t field.Target) bool { return t.Name == want[i] })]
				style, _, open := field.Infer(target, p)
				if len(open) > 0 || want[i] == "createdTime" && style.DateOrder != f.order {
					t.Errorf("%q: %+v, asked is %v", header, style, open)
				}
				conv, err := field.NewConverter(target, style, c)
				if err != nil {
					t.Fatal(err)
				}
				if have := wire(t, conv, rows[1][i], nil); have != wires[want[i]] {
					t.Errorf("%q %q: %s, want %s", header, rows[1][i], have, wires[want[i]])
				}
				if have := wire(t, conv, rows[2][i], nil); strings.ContainsAny(have, "!<") {
					t.Errorf("%q %q: %s", header, rows[2][i], have)
				}
			}
		})
	}
}

func tableOf(t *testing.T, text string) [][]string {
	t.Helper()
	r := csv.NewReader(strings.NewReader(text))
	r.Comma = ';'
	rows, err := r.ReadAll()
	if err != nil || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	return rows
}

// targetsOf are system fields and own ones; three are titled as in the file.
func targetsOf(c field.Context, signed, received, value string) []field.Target {
	plain := func(name, typ, title string, own bool) bitrix.Field {
		return bitrix.Field{Name: name, UpperName: strings.ToUpper(name), Type: typ, Title: title, Dynamic: own}
	}
	return field.Targets([]bitrix.Field{
		plain("title", "string", "Title of item", false), plain("assignedById", "user", "Person in charge", false),
		plain("stageId", "crm_status", "Column", false), plain("opportunity", "double", "Total sum", false),
		plain("companyId", "crm_company", "Firm", false), plain("contactIds", "crm_contact", "People", false),
		plain("createdTime", "datetime", "Time of creation", false), plain("sourceId", "crm_status", "Origin", false),
		plain("UF_MAIL", "string", "Mail", true), plain("UF_PHONE", "string", "Tel", true), plain("UF_MOBILE", "string", "Mobile", true),
		plain("UF_NOTE", "string", "Notes", true), plain("UF_SIGNED", "date", signed, true),
		plain("UF_RECEIVED", "boolean", received, true), plain("UF_VALUE", "money", value, true),
	}, c)
}

// TestHeadersOfTheLanguages: the usual headers of each language are words
// for the system fields, with and without accents.
func TestHeadersOfTheLanguages(t *testing.T) {
	fields := []string{"title", "assignedById", "stageId", "categoryId", "opportunity", "currencyId", "companyId", "contactIds",
		"sourceId", "begindate", "closedate", "createdTime", "createdBy", "updatedTime", "observers"}
	var list []bitrix.Field
	for _, name := range fields {
		list = append(list, bitrix.Field{Name: name, UpperName: strings.ToUpper(name), Type: "string", Title: "Ω" + name})
	}
	targets := field.Targets(list, portal())
	for lang, headers := range map[string]string{
		"en": "Name|Responsible|Stage|Pipeline|Amount|Currency|Company|Contact|Source|Start date|End date|Created|Created by|Updated|Followers",
		"ru": "Название|Ответственный|Стадия|Воронка|Сумма|Валюта|Компания|Контакт|Источник|Дата начала|Дата завершения|Дата создания|Кем создан|Дата изменения|Наблюдатели",
		"de": "Titel|Verantwortliche Person|Phase|Trichter|Betrag|Währung|Unternehmen|Kontakt|Quelle|Anfangsdatum|Enddatum|Erstellt am|Erstellt von|Geändert am|Beobachter",
		"fr": "Nom|Personne responsable|Étape|Entonnoir|Montant|Devise|Entreprise|Contact|Source|Date de début|Date de clôture|Créé le|Créé par|Modifié le|Observateurs",
		"es": "Nombre|Persona responsable|Etapa|Embudo|Monto|Moneda|Compañía|Contacto|Origen|Fecha de inicio|Fecha de cierre|Fecha de creación|Creado por|Fecha de modificación|Observadores",
		"pt": "Nome|Pessoa responsável|Etapa|Funil|Valor|Moeda|Empresa|Contato|Origem|Data de início|Data de encerramento|Criado em|Criado por|Atualizado em|Observadores",
	} {
		bare := strings.NewReplacer("é", "e", "É", "E", "á", "a", "ã", "a", "ñ", "n", "í", "i", "ó", "o", "ô", "o", "ç", "c", "ä", "ae")
		for i, header := range strings.Split(headers, "|") {
			for _, h := range []string{header, strings.ToUpper(header), bare.Replace(header), header + " *"} {
				p := field.Match(h, field.Profile{}, targets, portal())
				if len(p) == 0 || p[0].Field != fields[i] || p[0].Why != field.WhySynonym || p[0].Confidence < field.Certain {
					t.Errorf("%s %q: %+v, want %s", lang, h, p, fields[i])
				}
			}
		}
	}
}

// TestWordsOfTheLanguages: what people of a language write for yes, no,
// nothing, and what their spreadsheet programs write for errors.
func TestWordsOfTheLanguages(t *testing.T) {
	for lang, w := range map[string]struct{ yes, no, nothing, errors string }{
		"en": {"yes y true", "no n false", "n/a none", "#N/A #VALUE!"},
		"ru": {"да д истина", "нет н ложь", "н/д пусто", "#Н/Д #ЗНАЧ!"},
		"de": {"ja j wahr", "nein n falsch", "k.A. leer", "#NV #WERT!"},
		"fr": {"oui o vrai", "non n faux", "n/d vide", "#N/A #VALEUR! #NUL!"},
		"es": {"sí si s verdadero", "no n falso", "s/d vacío", "#N/D #¡VALOR! #¡NULO!"},
		"pt": {"sim s verdadeiro", "não nao n falso", "n/d vazio", "#N/D #VALOR! #NULO!"},
	} {
		yes, number := converter(t, own("boolean"), field.Style{}, portal()), converter(t, own("integer"), field.Style{}, portal())
		check := func(conv *field.Converter, words, want string) {
			for _, word := range strings.Fields(words) {
				for _, cell := range []string{word, strings.ToUpper(word)} {
					if have := wire(t, conv, cell, nil); have != want {
						t.Errorf("%s %q: %s, want %s", lang, cell, have, want)
					}
				}
			}
		}
		check(yes, w.yes, `"Y"`)
		check(yes, w.no, `"N"`)
		check(number, w.nothing, "!looks_empty")
		check(number, w.errors, "- <cell_error>")
	}
}

// TestNotationsOfTheLanguages: dates, times and amounts as the languages'
// spreadsheet programs and habits write them.
func TestNotationsOfTheLanguages(t *testing.T) {
	c := portal()
	c.Currencies = []string{"RUB", "EUR", "USD", "BRL", "CHF"}
	dmy := field.Style{DateOrder: field.DMY}
	for _, n := range []struct {
		conv  *field.Converter
		want  string
		cells []string
	}{
		{converter(t, own("date"), dmy, c), `"2026-03-03"`, []string{"3 марта 2026 г.", "Di, 03.03.2026", "Dienstag, 3. März 2026", "3. Mrz. 26",
			"mar. 3 mars 2026", "3-mars-2026", "mar, 3 mar 2026", "martes, 3 de marzo de 2026", "03-mar.-26", "3.º de marzo de 2026",
			"ter, 3 de mar. de 2026", "terça-feira, 3 de março de 2026", "03/mar/26", "lunes, 03/03/2026"}},
		{converter(t, own("datetime"), dmy, c), `"2026-03-13T14:30:00+00:00"`, []string{"13.03.2026 в 14:30", "13.03.2026 um 14:30 Uhr", "13/03/2026 à 14h30",
			"13/03/2026 14:30 h", "13/03/2026 2:30 p.\u00a0m.", "13/03/2026 a las 14:30", "13/03/2026 às 14h30", "13/03/2026 02:30:00 PM"}},
		{converter(t, own("money"), field.Style{Decimal: ","}, c), `"1200|EUR"`, []string{"1.200,00 €", "1.200,- €", "€ 1 200,--", "EUR 1'200", "1\u202f200,00 euros"}},
		{converter(t, own("money"), field.Style{Decimal: "."}, c), `"20|CHF"`, []string{"Fr. 20.-", "CHF 20.–", "20 Franken"}},
		{converter(t, own("money"), field.Style{Decimal: ","}, c), `"20|BRL"`, []string{"R$ 20,00", "R$20", "20 reais"}},
	} {
		for _, cell := range n.cells {
			if have := wire(t, n.conv, cell, nil); have != n.want {
				t.Errorf("%q: %s, want %s", cell, have, n.want)
			}
		}
	}
}

// TestTimesOfTheLanguages: times behind dates as people write them, however
// they name the hours.
func TestTimesOfTheLanguages(t *testing.T) {
	conv := converter(t, own("datetime"), field.Style{DateOrder: field.DMY}, portal())
	for want, cells := range map[string]string{
		"14:30:00": "12/03/2024 à 14h30|12/03/2024 14h30|12/03/2024 14 h 30|12/03/2024 à 14 h 30|12/03/2024 à 14 h 30 min|12 mars 2024 à 14h30|" +
			"12/03/2024 - 14h30|12/03/2024 14h30min|12/03/2024 14\u00a0h\u00a030|" +
			"12.03.2024 um 14.30 Uhr|12.03.2024 um 14:30 Uhr|12.03.2024, 14.30 Uhr|12.03.2024 14.30|12. März 2024, 14.30 Uhr|Di., 12.03.2024, 14:30 Uhr|" +
			"12/03/2024 14:30 h|12/03/2024 14.30 h|12/03/2024 a las 14.30 h|12 de marzo de 2024, 14:30 hs|" +
			"12/03/2024 às 14h30|12/03/2024 às 14h30min|12/03/24 14h30|12/03/2024 - 14:30|" +
			"12.03.2024 в 14:30|12.03.2024 в 14.30|12.03.2024 14 ч 30 мин|12.03.2024 14ч30|12.03.2024, 14 ч. 30 мин.|12 марта 2024 г. в 14 часов 30 минут|" +
			"12/03/2024 2:30 PM|12/03/2024 14:30 UTC|2024-03-12T14:30-00:00",
		"08:00:00": "12/03/2024 à 8h|12/03/2024 8 h|12/03/2024 08h00|12 mars 2024 à 8 heures|12.03.2024 8 Uhr|12.03.2024 um 8 Uhr|12.03.2024, 08.00 Uhr|" +
			"12/03/2024 8 h.|12/03/2024 a las 8 horas|12/03/2024 às 8h|12.03.2024 в 8 ч.|12.03.2024 8 часов|12/03/2024 8 AM|12 March 2024 8am|12/03/2024 8 a. m.",
		"14:05:09": "12/03/2024 14h05min09s|12.03.2024 14 ч 5 мин 9 сек|12.03.2024 14.05.09|12/03/2024 14 h 05 min 09 s|12.03.2024 14:05:09 Uhr",
		"14:05:00": "12.03.2024 14.05|12.03.2024 um 14.05|12.03.2024, um 14.05|12.03.2024, 14.05 Uhr|12.03.2024 14 ч 5 мин",
	} {
		for _, cell := range strings.Split(cells, "|") {
			if have, want := wire(t, conv, cell, nil), `"2024-03-12T`+want+`+00:00"`; have != want {
				t.Errorf("%q: %s, want %s", cell, have, want)
			}
			if p := profileOf(cell); p.Dates != 1 || p.Times != 1 {
				t.Errorf("%q: a date is seen in %d of 1, a time in %d", cell, p.Dates, p.Times)
			}
		}
	}
}

// TestNoTimes: what may be something else than a time is never taken for one.
func TestNoTimes(t *testing.T) {
	conv := converter(t, own("datetime"), field.Style{DateOrder: field.DMY}, portal())
	for _, cell := range strings.Split("14h30|14 h 30|8h|8 Uhr|14.30|8.30|14:30|14 ч 30 мин|14.30 Uhr|"+ // no date
		"12.03.2024 25h|12.03.2024 14h60|12.03.2024 14h5|12.03.2024 14.5|12.03.2024 24 h|12.03.2024 13 PM|12.03.2024 14.60|12.03.2024 x 14.30|"+
		"12.03.2024, 14.03|12.03.2024 - 14.03|12.03.2024-14.03|"+ // two dates, perhaps
		"12/03/2024 8h-10h|12/03/2024 8h-10|12/03/2024 8-10 h|12/03/2024 08:00-10:00|12/03/2024 8:00-10|12/03/2024 8.30-10.30 Uhr|"+ // from, to
		"12/03/2024 14h30+2|12 03 24 8 h|1 234 567 h|12.03 14h30|mars 2024 14h30|12.03.2024 14 m|12.03.2024 14h 30 Uhr|12.03.2024 Uhr", "|") {
		if have := wire(t, conv, cell, nil); !strings.HasPrefix(have, "!date_invalid") {
			t.Errorf("%q: %s, want a problem", cell, have)
		}
	}
	for cell, want := range map[string]string{"8.30": "8.3", "14.30": "14.3", "8 h": "!number_invalid", "14h30": "!number_invalid", "14 h 30": "!number_invalid",
		"14 ч 30 мин": "!number_invalid", "14.30 Uhr": "!number_invalid"} {
		number := converter(t, own("double"), field.Style{}, portal())
		if have := strings.Fields(wire(t, number, cell, nil))[0]; have != want {
			t.Errorf("%q in a column of numbers: %s, want %s", cell, have, want)
		}
	}
	for _, cell := range []string{"Di, 03.03.26", "3. 03.26", "3.03. 2026"} {
		if have := wire(t, conv, cell, nil); have != `"2026-03-03T00:00:00+00:00"` {
			t.Errorf("%q: %s, want the date", cell, have)
		}
	}
	for _, cell := range []string{"8.30", "14.30", "1 234 567.50"} {
		if p := profileOf(cell); p.Numbers != 1 || p.Dates != 0 {
			t.Errorf("%q: %+v, want a number", cell, p)
		}
	}
}
