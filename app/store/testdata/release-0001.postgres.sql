
CREATE TABLE public.calls (
    id bigint NOT NULL,
    portal text NOT NULL,
    import_id text NOT NULL,
    method text NOT NULL,
    started bigint NOT NULL,
    duration bigint NOT NULL,
    bytes_out bigint NOT NULL,
    bytes_in bigint NOT NULL,
    status bigint NOT NULL,
    code text NOT NULL,
    operating double precision NOT NULL,
    commands bigint NOT NULL
);
CREATE SEQUENCE public.calls_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.calls_id_seq OWNED BY public.calls.id;
CREATE TABLE public.entries (
    import_id text NOT NULL,
    idx bigint NOT NULL,
    row_no bigint NOT NULL,
    state text NOT NULL,
    access text NOT NULL,
    attempt bigint NOT NULL,
    sent_at bigint NOT NULL,
    item_id bigint NOT NULL,
    quotes bytea
);
CREATE TABLE public.grants (
    portal text NOT NULL,
    user_id bigint NOT NULL,
    access bytea,
    refresh bytea,
    expires bigint NOT NULL,
    endpoint text NOT NULL,
    server text NOT NULL,
    dead text NOT NULL,
    claimed bigint NOT NULL,
    saved bigint NOT NULL
);
CREATE TABLE public.imports (
    id text NOT NULL,
    portal text NOT NULL,
    user_id bigint NOT NULL,
    user_name text NOT NULL,
    admin boolean NOT NULL,
    connection_kind text NOT NULL,
    connection_user bigint NOT NULL,
    connection_webhook text NOT NULL,
    zone text NOT NULL,
    lang text NOT NULL,
    upload_id text NOT NULL,
    file_name text NOT NULL,
    state text NOT NULL,
    revision bigint NOT NULL,
    target bytea,
    mapping bytea,
    decisions bytea,
    verify boolean NOT NULL,
    row_count bigint NOT NULL,
    row_limit bigint NOT NULL,
    checked_rows bigint NOT NULL,
    plan_created bigint NOT NULL,
    plan_updated bigint NOT NULL,
    plan_unchanged bigint NOT NULL,
    plan_skipped bigint NOT NULL,
    plan_failed bigint NOT NULL,
    cursor bigint NOT NULL,
    done_created bigint NOT NULL,
    done_updated bigint NOT NULL,
    done_unchanged bigint NOT NULL,
    done_skipped bigint NOT NULL,
    done_failed bigint NOT NULL,
    rechecked bigint NOT NULL,
    start_id bigint NOT NULL,
    failures bigint NOT NULL,
    reason bytea,
    until bigint NOT NULL,
    seconds_per_row double precision NOT NULL,
    data_key bytea,
    journal_key bytea,
    created bigint NOT NULL,
    started bigint NOT NULL,
    finished bigint NOT NULL,
    touched bigint NOT NULL
);
CREATE TABLE public.lanes (
    lane text NOT NULL,
    epoch bigint NOT NULL,
    holder text NOT NULL,
    until bigint NOT NULL
);
CREATE TABLE public.lookups (
    import_id text NOT NULL,
    hash text NOT NULL,
    found bytea
);
CREATE TABLE public.portals (
    member_id text NOT NULL,
    domain text NOT NULL,
    endpoint text NOT NULL,
    server text NOT NULL,
    status text NOT NULL,
    license text NOT NULL,
    scopes bytea,
    app_code text NOT NULL,
    version text NOT NULL,
    lang text NOT NULL,
    app_token bytea,
    client_id text NOT NULL,
    client_secret bytea,
    installer bigint NOT NULL,
    quarantined_at bigint NOT NULL,
    installed bigint NOT NULL,
    updated bigint NOT NULL
);
CREATE TABLE public.registrations (
    portal text NOT NULL,
    company text NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    phone text NOT NULL,
    country text NOT NULL,
    terms_version text NOT NULL,
    accepted_at bigint NOT NULL,
    mailings boolean NOT NULL,
    user_id bigint NOT NULL
);
CREATE TABLE public.schema_steps (
    id character varying(255) NOT NULL
);
CREATE TABLE public.seals (
    id bigint NOT NULL,
    probe bytea
);
CREATE TABLE public.sessions (
    hash text NOT NULL,
    portal text NOT NULL,
    member_id text NOT NULL,
    user_id bigint NOT NULL,
    user_name text NOT NULL,
    admin boolean NOT NULL,
    lang text NOT NULL,
    zone text NOT NULL,
    origin text NOT NULL,
    placement text NOT NULL,
    entity_type_id bigint NOT NULL,
    item_id bigint NOT NULL,
    import_id text NOT NULL,
    webhook text NOT NULL,
    webhook_user bigint NOT NULL,
    created bigint NOT NULL,
    seen bigint NOT NULL
);
CREATE TABLE public.uploads (
    id text NOT NULL,
    portal text NOT NULL,
    user_id bigint NOT NULL,
    name text NOT NULL,
    size bigint NOT NULL,
    received bigint NOT NULL,
    state text NOT NULL,
    inspection bytea,
    shape bytea,
    profiles bytea,
    done bigint NOT NULL,
    problem bytea,
    revision bigint NOT NULL,
    data_key bytea,
    created bigint NOT NULL
);
CREATE TABLE public.webhooks (
    portal text NOT NULL,
    id text NOT NULL,
    user_id bigint NOT NULL,
    url bytea,
    host text NOT NULL,
    created bigint NOT NULL
);
ALTER TABLE ONLY public.calls ALTER COLUMN id SET DEFAULT nextval('public.calls_id_seq'::regclass);
INSERT INTO public.entries VALUES ('i1', 0, 0, 'failed', '', 0, 0, 0, '\x019c26ebf5ccf4faaf53560dafa1a333e388f2ba87dc43c53613cfa06be83eea06898bd784316826388ec571aa0ebd877c37bb54eb11536eb3da81a52efa6074a5ded405e657b0f653207f22a254d41e00b90ed239bc88927722c3c81aab7d1d6ec19c2e8d9266fb7e5ce258e8fe62ce1538');
INSERT INTO public.grants VALUES ('p1', 1, '\x01c6ff932386e5d916808256dbfc74f5ddf14877d19f7bd088348ff8ceac2d5abad2a86d5abc154974e7a9cbbcf0', '\x01c6ff9323aa206dccc6fa1f4a06fdfb9e9a1d79ffa3f33d8c0331bb5d9db460e16401eb83801c2c9f3b2bdbe36e51', 0, '', '', '', 0, 1795452922686934925);
INSERT INTO public.imports VALUES ('i1', 'p1', 0, '', false, '', 0, '', '', '', '', '', 'running', 0, '\x01c6ff9323dd09db07dd738d322862d96adc888feb6a5e7be81b0de1ff49b58da39c6de1a9ea8cc886377aae97d2916eece1614f8c1ed213169bab8ef65ff60169f392b1f3cbe13b0c78f46edc6e40eadd51d4317ab22e3fccf1c3b607c5d4653c32d89db0a54bb74e6ffa6aeea223a3ecf4be48b4adabe90d441e251d19a859c821d55ad19d', '\x01c6ff9323ee58a30a77fda25a79284b0af1332ddf8e1263c2ffd5bbaad51d96d279be404718ac0078a5d546b90fea53f67cab6a52459d341b279eba271e236f29298a15f8e8a195dbb7e5bc357b7aa47fb8c9e4fd109fa8', NULL, false, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, '\x01c6ff9323fce3732b6ba3aee2c1aadc0f0da994c7695851ad5aaa892dd2431237314621f029ef5eeabedc89100571f5b0f3f95321c3394b088447717ba558d5643a6664a969f77fec25527981a20506a8426d', 0, 0, '\x01c6ff932309472992d146f8714356234b30783781ef00511d6b300eb02d4ae941f7332cea4e46ab72183a00dd7ee93c98d0e0442e0290ce52e8436d1eb88df247', '\x01c6ff9323b1f770f1468a968b2cabecea52327f4b002eaa91221fb9e929a18e988fa27a9d4b7af06f0522110821fb1114036b40ce2cf34a5ce053569c93a31d5c', 0, 0, 0, 1795452922698222510);
INSERT INTO public.lanes VALUES ('run:p1', 1, 'h', 1795452982693014220);
INSERT INTO public.lookups VALUES ('i1', '4c29d6ea199b88041794930009d3ab1a71d83c940d6e6c909e9fe9f9ec2c4bf2', '\x019c26ebf5d5eff85b8f0c200acca97f0123083cc596595dc4463c612fdb8296cbafeeccf5ad8957689e13b799');
INSERT INTO public.portals VALUES ('p1', '', '', '', '', '', NULL, '', '', '', '\x01c6ff9323f55e672c83d2959370fd66a8b1942b0c0f27284e24203f4821d53bd56e41c340c292e5705add5bb9edd9e0', 'local.1', '\x01c6ff9323cf66a54d24d94bca3caaf2fc033d4acff9ee4b2ab80f875893b098afeee33904f9d5d9d329fb880474', 0, 0, 0, 0);
INSERT INTO public.schema_steps VALUES ('0001_first_release');
INSERT INTO public.seals VALUES (1, '\x01c6ff93233da7667ff575025d183c3dff0b9a8d72b5b18f43d7ca41e5c66b31ef0db34a5f');
INSERT INTO public.uploads VALUES ('u1', 'p1', 0, '', 0, 0, '', '\x01c6ff93237ad3757d65850556921ea79d20acd54a6def7e94c9e010c7b42b23b1ef87f9a324855de26e89e3adb7299d9c6e919525d1e725e0f7ca51f33e5528214d3f8b95f666d7096de1cbb085b4bc2abcb1a8ffad5bcc44c4e1f18eb715d019fb78573432a0b71a329695371cc7778121cc6551e8f0f1de0b03b07ceb2cafe1ce8bab2b7f2e5075625bed05a7c654ea9d93246193442533479aff1b27034168e1d922accb49319b033900b304d40f0f22', '\x01c6ff9323c7d04d30ae17382fa0d9aea17a89ed1222e42160db354d6c0ccaa1bac7ef4345414aa72b23278ccda228264ba3ef8fe905918c7290e6b6cd07330ad3b7def416b3a9af4b781a3e170eb13c5f843ae0b8b854af5f3bac04f64346fb3e4cb2e142cb7263895869ee1ff273cebe6233ae', NULL, 0, '\x01c6ff9323d8745d3bf5b0bc71a0865d475dfe6ee693c073e37893c488645df7e69fc0a28b95552a4da1814eb798f31acd10947c33ffe6a854f38326c6df54f8e837c7da5a0056bdde8f654f1c0e482ae89658', 0, '\x01c6ff9323e4578f5891f0266baa1502f09acebfe71d7902c18c8334ffdc3be7ab66f621b92060e80dd6735da1cd74e5461e991808cb38be0f7ce83832cc61cbff', 0);
INSERT INTO public.webhooks VALUES ('p1', 'hook', 0, '\x01c6ff9323c600595c7fc428283ceb6a06bf26545f0bf0cc67b75731303b390f9ca12db088f0e5f2b8a0865b9373231f63d3d90e802fc72855e2be98880556dbf3ba1b06b03f7bf1', '', 0);
ALTER TABLE ONLY public.calls
    ADD CONSTRAINT calls_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.entries
    ADD CONSTRAINT entries_pkey PRIMARY KEY (import_id, idx);
ALTER TABLE ONLY public.grants
    ADD CONSTRAINT grants_pkey PRIMARY KEY (portal, user_id);
ALTER TABLE ONLY public.imports
    ADD CONSTRAINT imports_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.lanes
    ADD CONSTRAINT lanes_pkey PRIMARY KEY (lane);
ALTER TABLE ONLY public.lookups
    ADD CONSTRAINT lookups_pkey PRIMARY KEY (import_id, hash);
ALTER TABLE ONLY public.portals
    ADD CONSTRAINT portals_pkey PRIMARY KEY (member_id);
ALTER TABLE ONLY public.registrations
    ADD CONSTRAINT registrations_pkey PRIMARY KEY (portal);
ALTER TABLE ONLY public.schema_steps
    ADD CONSTRAINT schema_steps_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.seals
    ADD CONSTRAINT seals_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (hash);
ALTER TABLE ONLY public.uploads
    ADD CONSTRAINT uploads_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.webhooks
    ADD CONSTRAINT webhooks_pkey PRIMARY KEY (portal, id);
CREATE INDEX calls_import ON public.calls USING btree (portal, import_id);
CREATE INDEX calls_started ON public.calls USING btree (started);
CREATE INDEX entries_seen ON public.entries USING btree (import_id, access, item_id) WHERE (state = 'created'::text);
CREATE INDEX entries_state ON public.entries USING btree (import_id, state, idx);
CREATE INDEX imports_portal ON public.imports USING btree (portal, created);
CREATE INDEX imports_state ON public.imports USING btree (state, until);
CREATE INDEX imports_upload ON public.imports USING btree (upload_id);
CREATE INDEX imports_webhook ON public.imports USING btree (connection_webhook);
CREATE INDEX sessions_created ON public.sessions USING btree (created);
CREATE INDEX sessions_member ON public.sessions USING btree (member_id);
CREATE INDEX sessions_portal ON public.sessions USING btree (portal);
CREATE INDEX sessions_seen ON public.sessions USING btree (seen);
CREATE INDEX sessions_webhook ON public.sessions USING btree (webhook);
CREATE INDEX uploads_created ON public.uploads USING btree (created);
CREATE INDEX uploads_portal ON public.uploads USING btree (portal);
CREATE INDEX uploads_state ON public.uploads USING btree (state);
