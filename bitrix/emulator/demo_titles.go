package emulator

// sampleTitles are what the app's sample files call the fields of the
// contracts, by the portal's names of the languages.
//
//nolint:misspell // words of other languages
var sampleTitles = map[string]map[string]string{
	"Contract number":   {"de": "Vertragsnummer", "fr": "Numéro de contrat", "la": "Número de contrato", "br": "Número do contrato"},
	"Contract value":    {"de": "Vertragswert", "fr": "Valeur du contrat", "la": "Valor del contrato", "br": "Valor do contrato"},
	"Signed on":         {"de": "Unterzeichnet am", "fr": "Signé le", "la": "Firmado el", "br": "Assinado em"},
	"Next meeting":      {"de": "Nächster Termin", "fr": "Prochain rendez-vous", "la": "Próxima reunión", "br": "Próxima reunião"},
	"Original received": {"de": "Original erhalten", "fr": "Original reçu", "la": "Original recibido", "br": "Original recebido"},
	"Kind":              {"de": "Art", "fr": "Type", "la": "Tipo", "br": "Tipo"},
	"Labels":            {"de": "Kennzeichen", "fr": "Étiquettes", "la": "Etiquetas", "br": "Etiquetas"},
	"Term, months":      {"de": "Laufzeit, Monate", "fr": "Durée, mois", "la": "Plazo, meses", "br": "Prazo, meses"},
}

// titled are the translations of a field's title.
func titled(title, ru string) map[string]string {
	all := map[string]string{"ru": ru}
	for lang, t := range sampleTitles[title] {
		all[lang] = t
	}
	return all
}
