package field

// synonyms are what the headers of tables call system fields, in the
// languages of the interface: folded, words only, between semicolons.
//
//nolint:misspell // words of other languages
var synonyms = map[string]string{
	"title": "name;title;subject;item name;item;название;наименование;имя;тема;заголовок;элемент;" +
		"titel;bezeichnung;betreff;titre;nom;intitulé;objet;título;titulo;nombre;asunto;nome;assunto",
	"xmlId": "external id;external code;external key;ext id;xml id;guid;uuid;source id;" +
		"внешний код;внешний ключ;внешний id;код;externe id;externer code;externer schlüssel;" +
		"id externe;code externe;id externo;código externo;codigo externo;clave externa;chave externa",
	"assignedById": "responsible;responsible person;assigned to;assignee;owner;manager;account manager;" +
		"ответственный;менеджер;исполнитель;куратор;владелец;verantwortlich;verantwortlicher;zuständig;betreuer;" +
		"responsable;assigné à;gestionnaire;encargado;asignado a;propietario;responsável;responsavel;atribuído a",
	"observers": "observers;watchers;followers;наблюдатели;наблюдатель;beobachter;observateurs;observateur;" +
		"observadores;observador",
	"categoryId": "pipeline;funnel;category;воронка;направление;категория;pipeline name;trichter;kategorie;" +
		"entonnoir;catégorie;embudo;categoría;funil;categoria",
	"stageId": "stage;status;state;step;stage name;стадия;статус;этап;состояние;phase;stufe;stadium;zustand;" +
		"étape;etape;statut;état;etapa;estado;fase;situação;estágio",
	"sourceId":          "source;lead source;channel;источник;канал;quelle;kanal;source du lead;canal;fuente;origen;fonte;origem",
	"sourceDescription": "source details;source info;about source;об источнике;дополнительно об источнике;детали источника;quelleninfo;détails de la source;detalles de la fuente;detalhes da fonte",
	"opened":            "open;public;available to everyone;доступен для всех;доступно всем;öffentlich;public access;público;publico",
	"begindate": "start date;begin date;start;from;valid from;дата начала;начало;с даты;startdatum;beginn;anfang;" +
		"date de début;début;fecha de inicio;inicio;data de início;início;data inicial",
	"closedate": "end date;close date;due date;deadline;finish;to;valid to;дата завершения;дата окончания;окончание;завершение;срок;" +
		"enddatum;ende;frist;fällig am;date de fin;échéance;fin;fecha de fin;fecha de cierre;vencimiento;data de término;data final;prazo",
	"companyId": "company;company name;customer;client;account;organization;organisation;" +
		"компания;организация;клиент;заказчик;контрагент;firma;unternehmen;kunde;" +
		"société;societe;entreprise;client company;empresa;compañía;cliente;companhia",
	"contactIds": "contact;contacts;contact name;contact person;person;контакт;контакты;контактное лицо;" +
		"kontakt;kontakte;ansprechpartner;personne de contact;contacto;contactos;persona de contacto;contato;contatos",
	"contactId": "contact;contact person;контакт;контактное лицо;kontakt;ansprechpartner;contacto;contato",
	"mycompanyId": "my company;our company;seller;моя компания;наша компания;продавец;реквизиты вашей компании;" +
		"meine firma;unsere firma;ma société;notre société;mi empresa;nuestra empresa;minha empresa;nossa empresa",
	"opportunity": "amount;sum;total;price;value;cost;сумма;стоимость;цена;бюджет;итого;betrag;summe;preis;wert;" +
		"montant;somme;prix;total ttc;importe;suma;monto;precio;valor;quantia;preço",
	"currencyId":          "currency;currency code;валюта;код валюты;währung;devise;monnaie;moneda;divisa;moeda",
	"isManualOpportunity": "manual amount;ручной расчет;режим расчета суммы;manueller betrag",
	"createdTime": "created;created at;created on;creation date;date created;дата создания;создан;создано;когда создан;" +
		"erstellt;erstellt am;erstellungsdatum;créé le;date de création;creado;creado el;fecha de creación;criado em;data de criação",
	"updatedTime": "updated;updated at;modified;modified on;last modified;дата изменения;изменен;изменён;обновлен;обновлено;" +
		"geändert;geändert am;aktualisiert;modifié le;date de modification;modificado;fecha de modificación;atualizado em;data de modificação",
	"movedTime": "moved;moved at;stage changed;дата смены стадии;перемещен;verschoben am;déplacé le;movido el;movido em",
	"createdBy": "created by;author;creator;кем создан;автор;создатель;erstellt von;ersteller;créé par;auteur;" +
		"creado por;autor;criado por",
	"updatedBy": "updated by;modified by;changed by;кем изменен;кем изменён;кем обновлен;geändert von;modifié par;modificado por;atualizado por",
	"movedBy":   "moved by;кем перемещен;кем сменена стадия;verschoben von;déplacé par;movido por",
}
