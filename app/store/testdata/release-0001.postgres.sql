
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
    operating numeric NOT NULL,
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
    seconds_per_row numeric NOT NULL,
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
INSERT INTO public.entries VALUES ('i1', 0, 0, 'failed', '', 0, 0, 0, '\x010788fd2b125fda5c066804b1330ae2ab4a284db2bc866b498abd81117f9f46e9ff7c87fcd42b4ae60cfea23cb7e72ed6e5de20f1e9cf30d0a353fe21c4b5af955456d2e0684eb82ae96c95937e370e1dd878b83b34847e257558901310ee78d403fc38aa3dee7f3bbda0c4ead40c48c482');
INSERT INTO public.grants VALUES ('p1', 1, '\x01c6ff9323750900641521b6cc173dc0c8077a1b04b93abcf126442423659968dd7414a3b15205bf83d8c56668e7', '\x01c6ff932319e2f0d73e3c7754e72202290825d351697fb8de741ce2fd0e628890d99396b929f4afda3cd53efcee93', 0, '', '', '', 0, 1795452799175091333);
INSERT INTO public.imports VALUES ('i1', 'p1', 0, '', false, '', 0, '', '', '', '', '', 'running', 0, '\x01c6ff9323255d2fed37fb29b17c1887a76faa2ee7d021fae58da62701eedd7c78ba450545bd592b1b40570f13493d775c02ac55341c5a33429f4154e30d1220281db91101401aeb46c66b7bf5f09ca743bef4d47a8748ea1d425982447c57e4d0658d46921ee7e7701d77ca4ff0791573e9facd8dd7f23b935a5ea8f69fcb5467018b456ae1', '\x01c6ff9323dfcfbaf3f893f4c7a2b65ecc040350426dbd359c67b6e704a8ea60bc44ae59dadaf2546ec3afabcf0b3e7d7365d2625450d3f3c94be86672dae573fa7e633d0e9a3ae5d91be0a76db29f4f48c5ccdaead9953f', NULL, false, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, '\x01c6ff93235705327d7c804df7e9abc46de4a67d6e627a286d82fc640ce10df0d0b306af9139cbba41b1c08d4cc420457644a837718eeae26dd1fe72ea1150899281e14c4c981c2ae48785b9cde5ef984ee74d', 0, 0, '\x01c6ff932389af5aec0569cd3865c16e12ea11a4c97130724aea5caff6dcf8e2a898fbb87dc55a382d9a10fbf8687ceae978223442adad5651afd28cd575fc5ca4', '\x01c6ff9323a4342a314e77916ec0b0b1dfa82a3607905ebca0dac2e629f2e229aa237630829f7d487494cbb4f27c6ef856962f7e676c2051ffae02fb68165c376c', 0, 0, 0, 1795452799272956876);
INSERT INTO public.lanes VALUES ('run:p1', 1, 'h', 1795452859267919975);
INSERT INTO public.lookups VALUES ('i1', '010757144f316b692b8abe0bc77b1fdc8ff58ce7d1769732d9cebc08e9e16812', '\x010788fd2b1d069dc59d60d0270da248d010360326dbe426bae2dea4e877231f3dc1ddaaee9086f1389389ec03');
INSERT INTO public.portals VALUES ('p1', '', '', '', '', '', NULL, '', '', '', '\x01c6ff93233ce9a8ca4091babf9a8a2e001e1028defafe86bff236ccff7defe984a07c7f3a253cff0659a803e8674159', 'local.1', '\x01c6ff93230ace6e1358c252b5df72373c2a78b5ec9666e448d9935a98e772b82fcbec68ccaeebe2818298711af8', 0, 0, 0, 0);
INSERT INTO public.schema_steps VALUES ('0001_first_release');
INSERT INTO public.seals VALUES (1, '\x01c6ff9323843e107f64eee225231d58b4e8259c1463c850a6129cf62bb67d4cc190d34531');
INSERT INTO public.uploads VALUES ('u1', 'p1', 0, '', 0, 0, '', '\x01c6ff932346c332d5172404df79675a63823ab04174dd8bc8c2909b42bebd9178535dc3459db4fe25715ea2b3c9e8888d367c19de7403e6146eaee152fe4f304d73615a3a2cccc38392e9f42fca1d26864afe2ae4ca7fed40dcffe8f4535f0e9c1d969bef14a8a413ee12081ff143bc38810b9504172c0ad780a290bfb01a1c41c2291cff742dc2988f78804665f3607bd7f7c7b4fe9b37b6dee944a1e85cbbaede075ddbb4c177e4a727087ad87719b5b4', '\x01c6ff93234d7e4f3d5a1c558daaf0b181dee06413e8e56bb1cc9575738c2df640b6553d6db65053983643483865fdbf58f5c631946b4a1728a9fd609770c81d417198d4bed688e0a6e05cccb17332fde25f0d912b1adf696b97d7c14318d526f4a56327f74f6c03577a01bcd77540b26f637d04', NULL, 0, '\x01c6ff9323a64350ed54d02e00a829ece0de990c9f74fafc853be3a593b1dfc209b8c11e40f031433a1e25cf58d0e88f7332ad7e6badb410444c3fe769e7b0c11e3e99deb0ef773c690b4cd4ec8ee6135a1f58', 0, '\x01c6ff9323dc4dff02eeabc1b3b18f7b196f4cd2cca981eb3c81feab8b1f586008b93fe4bb23de28ce2b8185002c6ff9d6b1c0ffcd6d70ebf06dbda74aa6cde1c6', 0);
INSERT INTO public.webhooks VALUES ('p1', 'hook', 0, '\x01c6ff9323442a3f1fe0751360eb7b1f6a9dd0abfe988a897d3374cb743e0349586d2eaac438ffe60b7340c61a6c3abcb30876451092b2f98efff26183b6285a84ef99b1bdb35ccb', '', 0);
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
