package config

import "strings"

// A Control is what supervisorctl reads of a configuration file.
type Control struct {
	ServerURL   string // http://host[:port], https://host[:port], or unix:// and an absolute path
	Username    string
	Password    string
	HasUsername bool // set at all; sent only if both are
	HasPassword bool
	Prompt      string
	HistoryFile string         // absolute; "" for none
	Plugins     []RPCInterface // of [ctlplugin:x]

	// Ours, for servers at https://. Paths are absolute; "" for none.
	TLSCA, TLSCertificate, TLSKey string
}

// controlOptions is the table of [supervisorctl].
// Supervisor 4.2.5, options.py, ClientOptions.read_config.
var controlOptions = []row[Control]{
	{Option{"serverurl", typeURL, "http://localhost:9001", "", ExpandsHere, "server to talk to"},
		func(r *reader, c *Control, v string) error {
			c.ServerURL = v
			if path, ok := strings.CutPrefix(v, "unix://"); ok {
				c.ServerURL = "unix://" + r.normal(path)
			}
			return nil
		}},
	{Option{"prompt", typeText, "supervisor", "", ExpandsEnv, "prompt of the shell"},
		func(_ *reader, c *Control, v string) error { c.Prompt = v; return nil }},
	{Option{"username", typeText, "", "none", ExpandsEnv, "user name to send"},
		func(_ *reader, c *Control, v string) error { c.Username, c.HasUsername = v, true; return nil }},
	{Option{"password", typeText, "", "none", ExpandsEnv, "password to send"},
		func(_ *reader, c *Control, v string) error { c.Password, c.HasPassword = v, true; return nil }},
	{Option{"history_file", typePath, "", "none", ExpandsHere, "file that keeps the history of the shell"},
		func(r *reader, c *Control, v string) error {
			if v != "" {
				c.HistoryFile = r.normal(v)
			}
			return nil
		}},
	{Option{"tls_ca", typePath, "", "the authorities that the system trusts", ExpandsHere, "file with the certificates that that of an https:// server must be signed with, in PEM"},
		func(r *reader, c *Control, v string) error { c.TLSCA = r.normal(strip(v)); return nil }},
	{Option{"tls_certificate", typePath, "", "none", ExpandsHere, "file with a certificate to show to an https:// server, in PEM"},
		func(r *reader, c *Control, v string) error { c.TLSCertificate = r.normal(strip(v)); return nil }},
	{Option{"tls_key", typePath, "", "an error with tls_certificate", ExpandsHere, "file with the key of that certificate, in PEM"},
		func(r *reader, c *Control, v string) error { c.TLSKey = r.normal(strip(v)); return nil }},
}

// LoadControl reads what supervisorctl needs: [supervisorctl] and the
// [ctlplugin:x] sections of the main file; files it includes are not read.
// The error is an [*Errors].
func LoadControl(o LoadOptions) (*Control, error) {
	l := newLoader(o)
	text, err := l.readMain()
	if err != nil {
		l.addProblem(Problem{Text: err.Error()}, err)
		return nil, l.err()
	}
	if l.doc = l.parse(l.file, text); l.doc == nil {
		return nil, l.err()
	}
	section := l.doc.Section("supervisorctl")
	if section == nil {
		err := wrong(".ini file does not include supervisorctl section")
		l.addProblem(Problem{File: l.file, Text: err.Error()}, err)
		return nil, l.err()
	}
	c := &Control{}
	for i := range controlOptions {
		vars := l.envVars()
		if controlOptions[i].Expands == ExpandsHere {
			vars = l.hereVars()
		}
		read(l.reader(section, vars), &controlOptions[i], c)
	}
	if (c.TLSCertificate == "") != (c.TLSKey == "") {
		l.reader(section, l.envVars()).missing(wrong("section [supervisorctl] has only one of tls_certificate and tls_key"))
	}
	c.Plugins = l.plugins("ctlplugin:", ctlFactory, ctlPluginOptions)
	if err := l.err(); err != nil {
		return nil, err
	}
	return c, nil
}
