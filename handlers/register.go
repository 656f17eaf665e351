package handlers

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"github.com/spa-importer/spa-importer/app/portal"
)

// registerData is the registration form.
type registerData struct {
	chrome
	// Given is what was filled in; Fields the form as the view shows it.
	Given  portal.Registration
	Fields []registerField
	// TermsProblem is set when the terms were not accepted.
	TermsProblem fieldError
	// FreeRows is the limit that registering lifts.
	FreeRows int
	// Registered is the registration there is; nil if none.
	Registered *portal.Registration
}

// registerField is one text field of the form.
type registerField struct {
	Name, Label, Value string
	// Type and Autocomplete are attributes of the input.
	Type, Autocomplete string
	Problem            fieldError
}

// registerForm shows the form, or what the portal has registered with.
func (s *Server) registerForm(c *fiber.Ctx, v visit) error {
	found, err := s.portals.Registration(c.UserContext(), v.Session.Portal)
	switch {
	case err == nil:
		return s.showRegister(c, registerData{Given: found, Registered: &found}, nil)
	case !errors.Is(err, portal.ErrNotFound):
		return err
	}
	return s.showRegister(c, registerData{Given: portal.Registration{Name: v.Session.UserName}}, nil)
}

// register takes the form.
func (s *Server) register(c *fiber.Ctx, v visit) error {
	form, err := s.form(c)
	if err != nil {
		return err
	}
	r := portal.Registration{
		Company: form.Get(portal.FieldCompany), Name: form.Get(portal.FieldName), Email: form.Get(portal.FieldEmail),
		Phone: form.Get(portal.FieldPhone), Country: form.Get(portal.FieldCountry),
		TermsVersion: form.Get(portal.FieldTerms), Mailings: form.Get("mailings") == "1",
	}
	var wrong *portal.FormError
	err = s.portals.Register(c.UserContext(), v.Session, r)
	switch {
	case errors.As(err, &wrong):
		c.Status(fiber.StatusUnprocessableEntity)
		return s.showRegister(c, registerData{Given: r}, wrong.Fields)
	case err != nil:
		return err
	}
	if err := s.importer.LiftLimit(c.UserContext(), v.actor()); err != nil {
		return err
	}
	found, err := s.portals.Registration(c.UserContext(), v.Session.Portal)
	if err != nil {
		return err
	}
	return s.showRegister(c, registerData{Given: found, Registered: &found}, nil)
}

func (s *Server) showRegister(c *fiber.Ctx, d registerData, wrong map[string]string) error {
	t := s.text(c)
	d.FreeRows = s.freeRows
	d.Lead = t.Text("register.lead", "rows", s.freeRows)
	problem := func(name string) fieldError {
		if wrong[name] == "" {
			return fieldError{ID: name + "-problem"}
		}
		text := t.Text("register." + wrong[name] + "." + name)
		if !t.Has("register." + wrong[name] + "." + name) {
			text = t.Text("register." + wrong[name])
		}
		d.Failures = append(d.Failures, failure{Field: name, Text: text})
		return fieldError{ID: name + "-problem", Text: text}
	}
	for _, f := range []registerField{
		{Name: portal.FieldCompany, Value: d.Given.Company, Type: "text", Autocomplete: "organization"},
		{Name: portal.FieldName, Value: d.Given.Name, Type: "text", Autocomplete: "name"},
		{Name: portal.FieldEmail, Value: d.Given.Email, Type: "email", Autocomplete: "email"},
		{Name: portal.FieldPhone, Value: d.Given.Phone, Type: "tel", Autocomplete: "tel"},
		{Name: portal.FieldCountry, Value: d.Given.Country, Type: "text", Autocomplete: "country-name"},
	} {
		f.Label = t.Text("register." + f.Name)
		f.Problem = problem(f.Name)
		d.Fields = append(d.Fields, f)
	}
	d.TermsProblem = problem(portal.FieldTerms)
	title := t.Text("register.title")
	if d.Registered != nil {
		title = t.Text("register.title_done")
		d.Lead = t.Text("register.lead_done")
	}
	return s.render(c, "register", title, d)
}
