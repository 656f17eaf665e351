package field

import (
	"slices"
	"strings"

	"github.com/spa-importer/spa-importer/bitrix"
)

// synonyms are what the headers of tables call system fields, in the
// languages of the interface, one a line: en, ru, de, fr, es, pt. They are
// folded, words only, between semicolons; accents may be left out by those
// who write headers.
//
//nolint:misspell // words of other languages
var synonyms = map[string]string{
	"title": "name;title;subject;item name;item;" +
		"название;наименование;имя;тема;заголовок;элемент;" +
		"titel;name;bezeichnung;betreff;" +
		"titre;nom;intitulé;objet;" +
		"título;nombre;asunto;denominación;" +
		"título;nome;assunto;denominação",
	"xmlId": "external id;external code;external key;ext id;xml id;guid;uuid;source id;" +
		"внешний код;внешний ключ;внешний id;код;" +
		"externe id;externer code;externer schlüssel;externe nummer;" +
		"id externe;code externe;clé externe;identifiant externe;" +
		"id externo;código externo;clave externa;" +
		"id externo;código externo;chave externa",
	"assignedById": "responsible;responsible person;assigned to;assignee;owner;manager;account manager;" +
		"ответственный;менеджер;исполнитель;куратор;владелец;" +
		"verantwortlich;verantwortlicher;verantwortliche;verantwortliche person;zuständig;zugewiesen an;bearbeiter;betreuer;" +
		"responsable;personne responsable;assigné à;attribué à;gestionnaire;chargé de compte;" +
		"responsable;persona responsable;encargado;asignado a;propietario;gestor;" +
		"responsável;pessoa responsável;atribuído a;proprietário;gestor;encarregado",
	"observers": "observers;observer;watchers;followers;" +
		"наблюдатели;наблюдатель;" +
		"beobachter;" +
		"observateurs;observateur;" +
		"observadores;observador",
	"categoryId": "pipeline;funnel;category;pipeline name;" +
		"воронка;направление;категория;" +
		"trichter;kategorie;pipeline name;" +
		"entonnoir;pipeline;catégorie;" +
		"embudo;embudo de ventas;categoría;" +
		"funil;funil de vendas;categoria",
	"stageId": "stage;status;state;step;stage name;" +
		"стадия;статус;этап;состояние;" +
		"phase;stufe;stadium;zustand;" +
		"étape;statut;état;" +
		"etapa;estado;fase;estatus;" +
		"etapa;status;fase;situação;estágio",
	"sourceId": "source;lead source;channel;" +
		"источник;канал;" +
		"quelle;herkunft;kanal;" +
		"source;source du lead;origine;canal;" +
		"fuente;origen;canal;" +
		"fonte;origem;canal",
	"sourceDescription": "source details;source info;about source;" +
		"об источнике;дополнительно об источнике;детали источника;" +
		"quelleninfo;details zur quelle;" +
		"détails de la source;infos source;" +
		"detalles de la fuente;información de la fuente;detalles del origen;" +
		"detalhes da fonte;detalhes da origem;informações da fonte",
	"opened": "open;public;available to everyone;" +
		"доступен для всех;доступно всем;" +
		"öffentlich;für alle verfügbar;" +
		"public;disponible pour tous;accessible à tous;" +
		"público;disponible para todos;" +
		"público;disponível para todos",
	"begindate": "start date;begin date;start;from;valid from;" +
		"дата начала;начало;с даты;" +
		"startdatum;anfangsdatum;beginn;anfang;gültig ab;" +
		"date de début;début;valable à partir du;" +
		"fecha de inicio;inicio;fecha inicial;válido desde;" +
		"data de início;início;data inicial;válido a partir de",
	"closedate": "end date;close date;due date;deadline;finish;to;valid to;" +
		"дата завершения;дата окончания;окончание;завершение;срок;" +
		"enddatum;ende;frist;abschlussdatum;fällig;fällig am;gültig bis;" +
		"date de fin;date de clôture;échéance;date d échéance;fin;valable jusqu au;" +
		"fecha de fin;fecha final;fecha de cierre;vencimiento;fecha de vencimiento;fecha límite;válido hasta;" +
		"data de término;data final;data de encerramento;data de fechamento;vencimento;data de vencimento;prazo;válido até",
	"companyId": "company;company name;customer;client;account;organization;organisation;" +
		"компания;организация;клиент;заказчик;контрагент;" +
		"firma;firmenname;unternehmen;kunde;auftraggeber;organisation;" +
		"société;entreprise;nom de la société;client;organisation;raison sociale;" +
		"empresa;compañía;nombre de la empresa;cliente;organización;razón social;" +
		"empresa;companhia;nome da empresa;cliente;organização;razão social",
	"contactIds": contactWords,
	"contactId":  contactWords,
	"mycompanyId": "my company;our company;seller;" +
		"моя компания;наша компания;продавец;реквизиты вашей компании;" +
		"meine firma;unsere firma;mein unternehmen;unser unternehmen;verkäufer;" +
		"ma société;notre société;mon entreprise;notre entreprise;vendeur;" +
		"mi empresa;nuestra empresa;mi compañía;vendedor;" +
		"minha empresa;nossa empresa;vendedor",
	"opportunity": "amount;sum;total;price;value;cost;" +
		"сумма;стоимость;цена;бюджет;итого;" +
		"betrag;summe;gesamtbetrag;preis;wert;kosten;" +
		"montant;somme;prix;total ttc;montant total;valeur;coût;" +
		"importe;suma;monto;precio;valor;importe total;monto total;costo;coste;" +
		"valor;quantia;preço;montante;valor total;custo;soma",
	"currencyId": "currency;currency code;" +
		"валюта;код валюты;" +
		"währung;währungscode;" +
		"devise;monnaie;code devise;" +
		"moneda;divisa;código de moneda;" +
		"moeda;código da moeda",
	"isManualOpportunity": "manual amount;" +
		"ручной расчет;режим расчета суммы;" +
		"manueller betrag;" +
		"montant manuel;" +
		"importe manual;monto manual;" +
		"valor manual",
	"createdTime": "created;created at;created on;creation date;date created;" +
		"дата создания;создан;создано;когда создан;" +
		"erstellt;erstellt am;angelegt am;erstellungsdatum;" +
		"créé;créé le;date de création;" +
		"creado;creado el;fecha de creación;fecha de alta;" +
		"criado;criado em;data de criação",
	"updatedTime": "updated;updated at;modified;modified on;last modified;" +
		"дата изменения;изменен;обновлен;обновлено;" +
		"geändert;geändert am;aktualisiert;aktualisiert am;änderungsdatum;letzte änderung;" +
		"modifié;modifié le;date de modification;mis à jour le;" +
		"modificado;modificado el;fecha de modificación;actualizado;actualizado el;" +
		"modificado;modificado em;atualizado;atualizado em;data de modificação;data de atualização",
	"movedTime": "moved;moved at;stage changed;" +
		"дата смены стадии;перемещен;" +
		"verschoben am;phase geändert am;" +
		"déplacé le;changement d étape;" +
		"movido el;cambio de etapa;" +
		"movido em;mudança de etapa",
	"createdBy": "created by;author;creator;" +
		"кем создан;автор;создатель;" +
		"erstellt von;angelegt von;ersteller;autor;" +
		"créé par;auteur;créateur;" +
		"creado por;autor;creador;" +
		"criado por;autor;criador",
	"updatedBy": "updated by;modified by;changed by;" +
		"кем изменен;кем обновлен;" +
		"geändert von;aktualisiert von;" +
		"modifié par;mis à jour par;" +
		"modificado por;actualizado por;" +
		"modificado por;atualizado por",
	"movedBy": "moved by;кем перемещен;кем сменена стадия;verschoben von;déplacé par;movido por",
}

const contactWords = "contact;contacts;contact name;contact person;person;" +
	"контакт;контакты;контактное лицо;" +
	"kontakt;kontakte;kontaktperson;ansprechpartner;" +
	"contact;personne de contact;nom du contact;interlocuteur;" +
	"contacto;contactos;persona de contacto;nombre del contacto;" +
	"contato;contatos;pessoa de contato;nome do contato"

// things are words for one and the same thing that own fields are often
// called after, in the same languages.
//
//nolint:misspell // words of other languages
var things = [...]string{
	"phone;phone number;telephone;tel;phone no;телефон;номер телефона;тел;telefon;telefonnummer;rufnummer;" +
		"téléphone;numéro de téléphone;teléfono;número de teléfono;telefone;número de telefone;fone",
	"mobile;mobile phone;cell;cell phone;мобильный;мобильный телефон;моб телефон;handy;handynummer;mobil;mobiltelefon;" +
		"portable;téléphone portable;móvil;teléfono móvil;celular;teléfono celular;telefone celular",
	"email;e mail;mail;email address;e mail address;почта;эл почта;электронная почта;адрес электронной почты;имейл;" +
		"e mail adresse;mailadresse;emailadresse;courriel;adresse mail;adresse e mail;correo;correo electrónico;" +
		"dirección de correo;endereço de e mail;endereço de email;correio eletrônico",
	"website;web site;web;url;homepage;сайт;веб сайт;webseite;internetseite;site web;site internet;sitio web;página web;site",
	"address;адрес;adresse;anschrift;dirección;domicilio;endereço",
	"city;town;город;stadt;ort;ville;ciudad;cidade;localidad",
	"country;страна;land;pays;país",
	"zip;zip code;postal code;postcode;индекс;почтовый индекс;plz;postleitzahl;code postal;código postal;cep",
	"comment;comments;note;notes;remark;remarks;комментарий;комментарии;примечание;примечания;заметка;заметки;" +
		"kommentar;kommentare;bemerkung;bemerkungen;anmerkung;anmerkungen;notiz;notizen;commentaire;commentaires;" +
		"remarque;remarques;comentario;comentarios;nota;notas;observación;observaciones;comentários;observação;observações;obs",
	"description;описание;beschreibung;descripción;descrição",
	"quantity;qty;количество;кол во;menge;anzahl;quantité;qté;cantidad;quantidade;qtd;qtde",
	"birthday;date of birth;birth date;день рождения;дата рождения;geburtstag;geburtsdatum;date de naissance;" +
		"fecha de nacimiento;cumpleaños;data de nascimento;aniversário",
	"priority;приоритет;priorität;priorité;prioridad;prioridade",
}

// accents are left out by many who write headers, and by programs that
// export them; German has letters of its own to write instead.
var (
	accents = strings.NewReplacer("á", "a", "à", "a", "â", "a", "ã", "a", "ä", "a", "å", "a", "ç", "c",
		"é", "e", "è", "e", "ê", "e", "ë", "e", "í", "i", "ì", "i", "î", "i", "ï", "i", "ñ", "n",
		"ó", "o", "ò", "o", "ô", "o", "õ", "o", "ö", "o", "ú", "u", "ù", "u", "û", "u", "ü", "u",
		"ÿ", "y", "œ", "oe", "æ", "ae", "ß", "ss", "ё", "е")
	umlauts = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue")
)

// fieldsOf are the system fields that a header without accents is a word
// for; thingOf is its place among the things.
var (
	fieldsOf = func() map[string][]string {
		fields := make(map[string][]string, 600)
		for name, list := range synonyms {
			for w := range spellings(list) {
				fields[w] = append(fields[w], name)
			}
		}
		return fields
	}()
	thingOf = func() map[string]int {
		places := make(map[string]int, 200)
		for i, list := range things {
			for w := range spellings(list) {
				places[w] = i
			}
		}
		return places
	}()
)

// spellings are the words of a list in the ways of writing them without
// accents.
func spellings(list string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.SplitSeq(list, ";") {
		set[accents.Replace(w)] = true
		set[accents.Replace(umlauts.Replace(w))] = true
	}
	return set
}

// synonymous reports whether a header, its words without accents, is another
// word for a field: for a system field, or for the thing that an own field
// is called after.
func synonymous(f bitrix.Field, title, header string) bool {
	if !f.Dynamic {
		return slices.Contains(fieldsOf[header], f.Name)
	}
	thing, ok := thingOf[header]
	if !ok {
		return false
	}
	other, ok := thingOf[accents.Replace(title)]
	return ok && thing == other
}
