
CREATE TABLE public.answers (
    portal text NOT NULL,
    entity_type_id bigint NOT NULL,
    hash text NOT NULL,
    content bytea,
    serial bigint NOT NULL
);
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
CREATE TABLE public.edits (
    import_id text NOT NULL,
    idx bigint NOT NULL,
    col bigint NOT NULL,
    content bytea
);
CREATE TABLE public.entries (
    import_id text NOT NULL,
    idx bigint NOT NULL,
    row_no bigint NOT NULL,
    state text NOT NULL,
    access text NOT NULL,
    attempt bigint NOT NULL,
    sent_at bigint NOT NULL,
    item_id bigint NOT NULL,
    quotes bytea,
    before bytea,
    written bigint DEFAULT 0 NOT NULL,
    undo text DEFAULT ''::text NOT NULL,
    undo_problem bytea
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
    touched bigint NOT NULL,
    archive text DEFAULT ''::text NOT NULL,
    hash text DEFAULT ''::text NOT NULL,
    origin text DEFAULT ''::text NOT NULL,
    trial_until bigint DEFAULT 0 NOT NULL,
    undoing boolean DEFAULT false NOT NULL,
    undo_taken_back bigint DEFAULT 0 NOT NULL,
    undo_kept bigint DEFAULT 0 NOT NULL,
    undo_impossible bigint DEFAULT 0 NOT NULL
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
CREATE TABLE public.mappings (
    portal text NOT NULL,
    id text NOT NULL,
    entity_type_id bigint NOT NULL,
    slot text NOT NULL,
    named boolean NOT NULL,
    content bytea,
    used bigint NOT NULL
);
CREATE TABLE public.memories (
    portal text NOT NULL,
    memory_key bytea,
    serial bigint NOT NULL
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
    created bigint NOT NULL,
    archive boolean DEFAULT false NOT NULL,
    derived boolean DEFAULT false NOT NULL,
    hash text DEFAULT ''::text NOT NULL
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
INSERT INTO public.answers VALUES ('p1', 128, '8952744c584a1e4cdfbdaec9ceecdc4a24d678b202a25b74520bc89a685ed5ba', '\x010c20f5487984f28fd69bf0b7cc7d319b813be833731584bb0b87585d1f90ff42c4bb48cfb1c6d89f22cf1726f700475c03e699c09351da4be867f45365d524fbb268de52b4a69677cc5b268e0506968a405efaef78e0a8870eddaf91fa1df8b19f2a83f4c1c5159646eb41a0e2f823eecc3199cfa263', 1);
INSERT INTO public.edits VALUES ('i1', 1, 2, '\x019f141baf9beccee7f9971c82ea394da11cc37ae74fcf09c39595d1ba85fbbd6a413c3444dfcffbb161dfbb82b06461e1c808');
INSERT INTO public.entries VALUES ('i1', 0, 0, 'failed', '', 0, 0, 0, '\x019f141baf8798af9142020e5226e788be90d820b25171bac3b37b9cf16e84f44e273a8c1cac28092694b5388c09d6789a0a28837eb6def4dbf3e7145ee422b804fa2f1f32517f9cdf10f85431feb40712bedc781b863716fc005df5ce1d0929e602b232c53bf75eeec5429a03db759ffa8b', NULL, 0, '', NULL);
INSERT INTO public.entries VALUES ('i1', 1, 0, 'updated', '', 0, 0, 0, NULL, '\x019f141baf8b4377bd7179c2f79ac3414c690938b70fca060aadc7e8877b23a63b3d86999e09d6b7ccf029ec4048d30966060651be761367e8789c7286e9d4', 0, 'impossible', '\x019f141baf1660caf7c300b3fbdfc2261b60317ae2e9f6814887b8306056586f5fb3a14de05b337bf341aa5a595da7df2ff2b46bf175e5162ca4205bd9e61bb93fbfef51c49bca083227f24a9cb98aa91e0f42');
INSERT INTO public.grants VALUES ('p1', 1, '\x01c6ff932372c77f38231f77e3d75a466767727ef3d05166da54e3cf1e36b15120a4b6090a051d662db80ea82c1d', '\x01c6ff932387a99bab2907306421b3f2d5e8fc355c448d67580a399fee0f8ec3682ad1387226dc1b29157f02d75596', 0, '', '', '', 0, 1795823526658068276);
INSERT INTO public.imports VALUES ('i1', 'p1', 0, '', false, '', 0, '', '', '', '', '', 'running', 0, '\x01c6ff9323431486e9da6b84796acdff29658a7c66370c9ff4162827a3177d00face02eec27ccce1e9a0322bb6382b4807e071427b5cf9657e392702967a3f482521eed75414e393c8d59ad3ad41168188570bac525ebd60a500819f92c812ba39dce1486068246898bbe547bab2fd8f35d499f1af4c4222dbe851173ddfdb74809b4f417ef6', '\x01c6ff93230f6f814c46908d8ded8f5958453f54466a25a3f77de27ae4d6e23dd735d16516afac52e64b6ebe8c3a7984bb7192f2b9953868a7c0da551e083762caf29095694cb3cd9f2370e198fa312aa6840268dd1699cc', NULL, false, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, '\x01c6ff932316f290a429d22c105d82b93277e6a0d65b921048b0dad3d7feef238b6cb96d573788802a53eb8942f9db597856a2d2a99835222d33cd33c6d7b704362cc223e51806288cae9d61f55333e1b1510e', 0, 0, '\x01c6ff9323c0def5fa34f1279b99a240600c249114f2103e1078b55ad676169ee15f05a938c960d9503e6ad224bfe9c72f351ab3afa95485f0545fdc4a02cc7cd3', '\x01c6ff9323b47d2d8c3157fe6a1b3cfe4237a2a0b9a2167c695de1ccc815aa2503e6c0357e9989892061ca59ab7ee06dfa3f13e62671914a2bbf8f53d11d6b911a', 0, 0, 0, 1795823526711051897, '', '', '', 0, false, 0, 0, 1);
INSERT INTO public.lanes VALUES ('run:p1', 1, 'h', 1795823586660946650);
INSERT INTO public.lookups VALUES ('i1', '22c87363ddfc29584686e940c25201fee0fea5259672d25c082039a8303b9238', '\x019f141bafdf8d9e66f8b005d811b4ff760eb451e44deb58e9d07264a405c5918bbec5b4d8a6c0d2d1d7c104a8');
INSERT INTO public.mappings VALUES ('p1', 'm1', 128, 'c65e119389f78d72c752b448a0209124ea4eb4bd82f12c9a50c37fa1e84c1c56', true, '\x010c20f5481c444704317156c998199c4a65111b054fcb92f10abe7a60dab7077e9fe8fbc67d198927fca29c9f2701684e06ab209e003aac934096e350633e8a0c2d81490298822e6e86e113f05514e2837e5ee5aca2b0a6b7f18fbe3d1d720350fd5a974b3adfdfbecc6cc7a2b84518225ed72532e6bb40e354d425f071cdab9477790bde0f41a6dcb3328b14bb3e33bc3910990e94da0a1d3512a76d330e53f38581cb9ff2ee4b6219860263043ace215afdb5b45929d397eb6ac49f42e01c292204377120bbe3afa5863ffcd7', 1000000000);
INSERT INTO public.memories VALUES ('p1', '\x01c6ff932340dea9bf3a2e992848bc66915795b20fbb8a2c28639eae9f09eea6f206e5c80494627411916ed8e0819739fba6fbba791c5854217dbe2a20fda1a93a', 1);
INSERT INTO public.portals VALUES ('p1', '', '', '', '', '', NULL, '', '', '', '\x01c6ff93237e9bbc230ec9c78b538cdf4937909fbf1bd342a0954018074c7433a6078b4c7670f87cc1d65dfeb67f7359', 'local.1', '\x01c6ff932397f931e2da2dfb359e23edc39070b3a8942371aacf863e906e0884fe8275c738e9b4fa6d75b00a7674', 0, 0, 0, 0);
INSERT INTO public.schema_steps VALUES ('0001_first_release');
INSERT INTO public.schema_steps VALUES ('0002_memory_and_undo');
INSERT INTO public.seals VALUES (1, '\x01c6ff9323c217fc686e20b5c001b2435bad51bb31fcc9b83632bcb54714c6e2bb816faa6c');
INSERT INTO public.uploads VALUES ('u1', 'p1', 0, '', 0, 0, '', '\x01c6ff932349b82bcdc98de627dccadc1ba330c2fff2aa873f90338a351ed794fe009ec966121e3b173c2bdfa5a8a5d172b13e0671a3b44c183aaddb8f39b800fb40871a8d163b06514104ee7d823bb4cf69bd989fc553ea3ef97da6f23a4ff5e1171fce9d76003a6481b39c9e891b9d9e89428afeb43bd09ad8d3a7bc7faf129a2dd35e9ecb371af6499d6f8a9bab8c01f9c19a198820072230c822bbadcb78a9a4605b7a64c4f98a4e8072ec9485847da6647236c650da5592b1', '\x01c6ff93238cf33774a8952a9f70b9b5a45587ad4ee21e94779f2fe94af050e34fcd16817b313ea3f1a071d664298749a6f360b70eaa72f6ab1ac57ce73c5fbf84d2b0f8104e326299a925342051f876badaa61b2240ddddfab5f40a3b8d6a998d73f7a95d9ee239d2c6a6efa0fe8ec5b5b0956b', NULL, 0, '\x01c6ff93236d8eb9a3ad27d6151acb323743eb49fb2112dd1adcf3aaa51524e1e7734ff4d11bcc82a7542f6b9dce14d5b243fd56d5b50a66bfe341165ff6d666fc5b31b9c6cc69121c57f5482f3d1fd1fbee07', 0, '\x01c6ff932372692468f48dddf64143ea9075339a1173464fa624c6aff072f0d50a8772c782da0d6d6c2784198a8931968e3eb4ddc49e680421ec0eb78519b534ed', 0, false, false, '');
INSERT INTO public.webhooks VALUES ('p1', 'hook', 0, '\x01c6ff932368f2df29dfa1676dd2a3639e10bd6ee4e641477c40b0cd2e7d8cb596a992a7e323eb1faab2bc4c9458a5ccb3e707a536ff7ea9331964307b023928e6036efcfe2a10c7', '', 0);
ALTER TABLE ONLY public.answers
    ADD CONSTRAINT answers_pkey PRIMARY KEY (portal, entity_type_id, hash);
ALTER TABLE ONLY public.calls
    ADD CONSTRAINT calls_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.edits
    ADD CONSTRAINT edits_pkey PRIMARY KEY (import_id, idx, col);
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
ALTER TABLE ONLY public.mappings
    ADD CONSTRAINT mappings_pkey PRIMARY KEY (portal, id);
ALTER TABLE ONLY public.memories
    ADD CONSTRAINT memories_pkey PRIMARY KEY (portal);
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
CREATE INDEX answers_serial ON public.answers USING btree (portal, entity_type_id, serial);
CREATE INDEX calls_import ON public.calls USING btree (portal, import_id);
CREATE INDEX calls_started ON public.calls USING btree (started);
CREATE INDEX entries_seen ON public.entries USING btree (import_id, access, item_id) WHERE (state = 'created'::text);
CREATE INDEX entries_state ON public.entries USING btree (import_id, state, idx);
CREATE INDEX entries_undo ON public.entries USING btree (import_id, undo, idx) WHERE (undo <> ''::text);
CREATE INDEX imports_archive ON public.imports USING btree (archive) WHERE (archive <> ''::text);
CREATE INDEX imports_hash ON public.imports USING btree (hash) WHERE (hash <> ''::text);
CREATE INDEX imports_portal ON public.imports USING btree (portal, created);
CREATE INDEX imports_state ON public.imports USING btree (state, until);
CREATE INDEX imports_upload ON public.imports USING btree (upload_id);
CREATE INDEX imports_webhook ON public.imports USING btree (connection_webhook);
CREATE UNIQUE INDEX mappings_slot ON public.mappings USING btree (portal, entity_type_id, slot);
CREATE INDEX mappings_used ON public.mappings USING btree (portal, entity_type_id, used);
CREATE INDEX sessions_created ON public.sessions USING btree (created);
CREATE INDEX sessions_member ON public.sessions USING btree (member_id);
CREATE INDEX sessions_portal ON public.sessions USING btree (portal);
CREATE INDEX sessions_seen ON public.sessions USING btree (seen);
CREATE INDEX sessions_webhook ON public.sessions USING btree (webhook);
CREATE INDEX uploads_created ON public.uploads USING btree (created);
CREATE INDEX uploads_portal ON public.uploads USING btree (portal);
CREATE INDEX uploads_state ON public.uploads USING btree (state);
