
CREATE TABLE public.calls (
    id bigint NOT NULL,
    portal text,
    import_id text,
    method text,
    started bigint,
    duration bigint,
    bytes_out bigint,
    bytes_in bigint,
    status bigint,
    code text,
    operating numeric,
    commands bigint
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
    row_no bigint,
    state text,
    access text,
    attempt bigint,
    sent_at bigint,
    item_id bigint,
    quotes bytea
);
CREATE TABLE public.grants (
    portal text NOT NULL,
    user_id bigint NOT NULL,
    access bytea,
    refresh bytea,
    expires bigint,
    endpoint text,
    server text,
    dead text,
    claimed bigint,
    saved bigint
);
CREATE TABLE public.imports (
    id text NOT NULL,
    portal text,
    user_id bigint,
    user_name text,
    admin boolean,
    connection_kind text,
    connection_user bigint,
    connection_webhook text,
    zone text,
    lang text,
    upload_id text,
    file_name text,
    state text,
    revision bigint,
    target bytea,
    mapping bytea,
    decisions bytea,
    verify boolean,
    row_count bigint,
    row_limit bigint,
    checked_rows bigint,
    plan_created bigint,
    plan_updated bigint,
    plan_unchanged bigint,
    plan_skipped bigint,
    plan_failed bigint,
    cursor bigint,
    done_created bigint,
    done_updated bigint,
    done_unchanged bigint,
    done_skipped bigint,
    done_failed bigint,
    rechecked bigint,
    start_id bigint,
    failures bigint,
    reason bytea,
    until bigint,
    seconds_per_row numeric,
    data_key bytea,
    journal_key bytea,
    created bigint,
    started bigint,
    finished bigint,
    touched bigint
);
CREATE TABLE public.lanes (
    lane text NOT NULL,
    epoch bigint,
    holder text,
    until bigint
);
CREATE TABLE public.lookups (
    import_id text NOT NULL,
    hash text NOT NULL,
    found bytea
);
CREATE TABLE public.portals (
    member_id text NOT NULL,
    domain text,
    endpoint text,
    server text,
    status text,
    license text,
    scopes bytea,
    app_code text,
    version text,
    lang text,
    app_token bytea,
    client_id text,
    client_secret bytea,
    installer bigint,
    quarantined_at bigint,
    installed bigint,
    updated bigint
);
CREATE TABLE public.registrations (
    portal text NOT NULL,
    company text,
    name text,
    email text,
    phone text,
    country text,
    terms_version text,
    accepted_at bigint,
    mailings boolean,
    user_id bigint
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
    portal text,
    member_id text,
    user_id bigint,
    user_name text,
    admin boolean,
    lang text,
    zone text,
    origin text,
    placement text,
    entity_type_id bigint,
    item_id bigint,
    import_id text,
    webhook text,
    webhook_user bigint,
    created bigint,
    seen bigint
);
CREATE TABLE public.uploads (
    id text NOT NULL,
    portal text,
    user_id bigint,
    name text,
    size bigint,
    received bigint,
    state text,
    inspection bytea,
    shape bytea,
    profiles bytea,
    done bigint,
    problem bytea,
    revision bigint,
    data_key bytea,
    created bigint
);
CREATE TABLE public.webhooks (
    portal text NOT NULL,
    id text NOT NULL,
    user_id bigint,
    url bytea,
    host text,
    created bigint
);
ALTER TABLE ONLY public.calls ALTER COLUMN id SET DEFAULT nextval('public.calls_id_seq'::regclass);
INSERT INTO public.entries VALUES ('i1', 0, 0, 'failed', '', 0, 0, 0, '\x015c0217d684a41c11c36f774554db9eae81e4d8902f13866ae69187bf03deb587a253fad1ef2851f2358591e0d2e7bbf759e6b853fbd9714f69ab644c4782b5351255bf55b9e80ca7ba2b8e1a61eaa126396b13a3eea24dab1ca1cf8e3b763925354bd0b39833705874f1874463fa9737a5');
INSERT INTO public.grants VALUES ('p1', 1, '\x01c6ff932387c663e04152f4fd494a2b304e3a25a5b9a563f1b80c59535c89dd1a56875a699c3e45d80e6b9d788b', '\x01c6ff9323f5c6d052047e608645d71a565ae2bd9b70900b2d22f68f2e85b25f8abb414684e602376a3f2e5969523e', 0, '', '', '', 0, 1795451775165890455);
INSERT INTO public.imports VALUES ('i1', 'p1', 0, '', false, '', 0, '', '', '', '', '', 'running', 0, '\x01c6ff932303d6a29b1a3c4f6941429f52f833d9795a1cc070563c238b06519ab3140f7e6805ecd15fa362689f466feaf9c65b447a501239031423adec9b22b30861d37259c99e9fda47783d5010fbe88d348696a223e7408f0b80d7f025c9c4f5d7a955b896e26269950e07fbecf320e2a4fb359a8c01057a65f799e2313b3dd2f072eb5a4b', '\x01c6ff93232522f4429aa5c9a02e078464ce6e1bc0cc18524407425f52b88a4ed96056d392f2d27104f20ea4716824b55a9ce880079dd36073e159b2be49ab1701bdc4724ec3b6c5baf54540555ab99c1b258e956eeed74f', NULL, false, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, '\x01c6ff9323bda688f7379080010bf7c8e9031e10e0a4b74e8d5a819ccf6dddd8ad8e476ca126d69fe45cac145aa2c0c782a264db20ffdd442787b1aa73f0cfe903c0589bcae81ca0ddcaf14e45d4bc0259af40', 0, 0, '\x01c6ff93235d47e41ec317f8ec0288b90a5d0b75a62d23fb56f1c207a158be9fc9a242139ee0e11bba19fdb47860da26ea831f15b6e586066e0347124da979ef0f', '\x01c6ff9323920280468f4af2bf594a6d762b44551fdbf2d1b1d85c3694c604db2e38fe66d914ee7720d58a29662c9e966b68cb17577a10a52e34e027d81dd89b8b', 0, 0, 0, 1795451775196552395);
INSERT INTO public.lanes VALUES ('run:p1', 1, 'h', 1795451835179234024);
INSERT INTO public.lookups VALUES ('i1', 'b8fbca7f000087123cddccbbda1e4e683c66d2a268bdb71bec061a5fc2c532ea', '\x015c0217d684de8d756874e137ff601bc46028f570adfb257dcdab1ff4a03d4c3078691e710e2fce41bc3daf7b');
INSERT INTO public.portals VALUES ('p1', '', '', '', '', '', NULL, '', '', '', '\x01c6ff93233820102f8eaf4674ae8cc225787af913ea0b2b2ddee582496d0a9e459e31c77c25962a622283a6da0ecb83', 'local.1', '\x01c6ff932393a0c137c07f3bd34a9128be18871115893b9ed009357c11df2f4e78987fe17614675e34ccc2925a55', 0, 0, 0, 0);
INSERT INTO public.schema_steps VALUES ('0001_first_release');
INSERT INTO public.seals VALUES (1, '\x01c6ff93235f326d6012f95fc2e8b8b1f1db8221727f4e404cfb64cb820bcb7d2beed69d2d');
INSERT INTO public.uploads VALUES ('u1', 'p1', 0, '', 0, 0, '', '\x01c6ff9323ddbc092c9412bf968c16b46eda93ac0b1bce4eaef9a2442f5e06b4056e72f2c3cb684b7684e177e14a0152b104bcca7f4ffd412b167f6af4b4df18d799c17eae83b10bd6ee2a567b57b014459c6522479ed276af712e4be427f03d7f302254ccbbab4cd56939e48eb874c9a61352014a7ec598135efce4cad198c9aaf16ea7521cbdd1fff67cb17b8faea98da71ec1ebd143e44a633101dad8f30465fce8ee92c11b7b7c429202a6f77fa2ee17', '\x01c6ff9323e0574e13d68da16390f1e68e1a42fda3c92ed52d731fbde1e0833101f72387e1a0cf173b0e742f834fcdb4ff475f3b474adeaa9a7582d043e46edbede8b374e58d4ef9f4ef037b7eb5c6db967326340d10e1b2420b7bb5131e02483620c31fc23110a23c79c9c4ecc11a58ecb08225', NULL, 0, '\x01c6ff93230f6c73402eb1d0d70562ca278ce39d97434020253941b10d6d9e22138f9d9555224a15d5cefaade53260d7b8d16ced2cf0f90893e0a27c6e7af3cbbc6f563f95569ec6a16f59904a869e8b639fcb', 0, '\x01c6ff932321834be47eafd62ba96230e24c80a0ac3ceee3ec3db7ba7cd4de1e3a91d8ad12237de112698f22acfb13997b05a72601a385ade42f50f2f902f8633f', 0);
INSERT INTO public.webhooks VALUES ('p1', 'hook', 0, '\x01c6ff93239977bee2d5545dd393a55f5816c98aa712a7a20bda7475d7c78266c40ab9dd20f77c065d070ff30866a97eb613684cf2563ff44285ebe1d451b97e4a9320266ca978e5', '', 0);
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
