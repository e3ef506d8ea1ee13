//! The word tables: closed classes first, open ones kept short.
//!
//! Long lists of opposites, places or products hold on the pairs they were written with and not on others, so what tells
//! questions apart is structure. Words stand between white space, pairs as `one>two`. `tests/golden/guard_words.json`
//! holds these tables and the Python engine's together.

/// Left out of the alignment: they change nothing.
pub(super) const FILLERS: &str = "\
    a also an ask das der een el give hello help het hey hi i'd il just kindly know le les let like me need \
    needed please pls question quick say show tell thank thanks the us wanna want wish would";
/// Verbs that carry no content.
pub(super) const AUXILIARIES: &str = "\
    am are be been being can could did do does had has have is may might must shall should was were will \
    would";
/// No content of their own, but part of the frame.
pub(super) const FUNCTION: &str = "\
    able about actually again already although and another any anyone as at because best between but by \
    cannot del down du during easiest easily easy ein eine einen else et even ever for from get getting go \
    going good got he her here him his how i if in into it it's its many me mean means method mine much my \
    myself never no nobody none not nothing now of off on one ones onto or other our out over own people per \
    person possible procedure process really recommended right she simple simplest since so some someone \
    something soon step steps still such take taking than that their them then there these they thing this \
    those though through tip tips to too una und under une up us use used using versus very via von voor vs \
    way ways we what when where which while who whom whose why with without work working works y you your \
    yours yourself";
/// Verbs that open a request and say no more than a question mark does.
pub(super) const IMPERATIVES: &str = "\
    calculate compute define describe discuss explain find list name outline provide recommend state suggest";
/// Each counts once, of seven languages; "at most" too, which "not more" is.
pub(super) const NEGATIONS: &str = "\
    atleast atmost aucun aucune cannot geen jamais jamás kein keine keinem keinen keiner keines mai nada \
    neither nenhum nenhuma nessun nessuna nessuno never nicht nichts nie niemals niente niet niets ningun \
    ninguna ninguno ningún no nobody non none nooit nor not nothing nowhere nulla nunca não ohne pas rien \
    sans sem senza sin tampoco unable without zonder";
/// They say "not" by themselves, and may stand for a negation that the other text spells out.
pub(super) const ABSENCES: &str = "\
    avoid broken crash crashes decline declined denied deny error except exclude excluded fail failed \
    failing fails forget forgot forgotten impossible incorrect invalid issue issues keep keeps lack lacks \
    lost miss missing offline prevent prevented problem problems refuse refused reject rejected stop trouble \
    unsubscribe wrong";
/// Days and months, and what is true on one day only.
pub(super) const TIMES: &str = "\
    april august current currently december february friday january july june latest monday newest november \
    october saturday september sunday thursday today tomorrow tonight tuesday wednesday yesterday";
/// After "this", "last" and "next" they make a time.
pub(super) const PERIODS: &str = "\
    month night quarter season week weekend year";
/// After "how" they ask for a measure, not for a manner.
pub(super) const MEASURES: &str = "\
    big close cold deep early expensive far fast hard heavy high hot large late long loud near often old \
    quickly small soon strong tall thick wide";
/// They ask for a quantity without "how much".
pub(super) const COST: &str = "\
    cost costs fee fees price prices pricing";
/// Verbs and nouns of a prompt that works on a text it brings along.
pub(super) const TASKS: &str = "\
    analyse analyze article classify convert correct edit email extract fix grammar improve label paragraph \
    paraphrase proofread rephrase review rewrite sentence sentiment shorten summarise summarize summary tag \
    text translate translation";
/// Before "to" they make it part of a verb.
pub(super) const INFINITIVE: &str = "\
    able best easiest going had has have help how let like need needed possible procedure right steps tip \
    tips try trying wanna want way ways wish would";
/// Prepositions that say which part a word has: whence, whither, earlier, later.
pub(super) const ROLES: &str = "\
    after>after before>before from>from into>to over>over than>than to>to without>without";
/// Particles and comparatives, of which one instead of the other asks the opposite.
pub(super) const OPPOSITES: &str = "\
    above>below all>first all>last all>none all>one always>never before>after best>worst better>worse \
    earlier>later every>one first>last for>against from>to higher>lower in>out inside>outside into>out \
    left>right more>fewer more>less most>least next>previous on>off over>under up>down with>without";
/// The commonest pairs of opposites without a common stem.
pub(super) const ANTONYMS: &str = "\
    accept>decline accept>reject add>delete add>remove allow>block allow>deny approve>reject archive>restore \
    arrive>depart begin>end begin>finish buy>sell cheap>expensive create>delete deposit>withdraw early>late \
    expand>collapse fast>slow follow>block gain>lose give>take grant>revoke high>low hire>fire hot>cold \
    increase>reduce join>leave lend>borrow login>logout major>minor old>new open>close pass>fail \
    pause>resume positive>negative public>private push>pull raise>lower rich>poor save>discard send>receive \
    show>hide start>end start>stop strong>weak true>false win>lose";
/// Beginnings that turn a word into its opposite, also against nothing: lock and unlock.
pub(super) const PREFIXES: &str = "\
    >de >dis >im >in >ir >mis >non >un as>de at>de con>dis en>de en>dis hyper>hypo im>ex in>de in>ex in>out \
    inter>exter inter>intra maxim>minim micro>macro on>off over>under pre>post pro>anti pro>de uni>multi \
    up>down";
/// Numbers in words.
pub(super) const NUMBERS: &str = "\
    billion>1000000000 eight>8 eighteen>18 eighty>80 eleven>11 fifteen>15 fifty>50 five>5 forty>40 four>4 \
    fourteen>14 hundred>100 ii>2 iii>3 iv>4 ix>9 million>1000000 nine>9 nineteen>19 ninety>90 seven>7 \
    seventeen>17 seventy>70 six>6 sixteen>16 sixty>60 ten>10 thirteen>13 thirty>30 thousand>1000 three>3 \
    twelve>12 twenty>20 two>2 vi>6 vii>7 viii>8 zero>0";
/// Ordinals in words.
pub(super) const ORDINALS: &str = "\
    eighth>8 fifth>5 first>1 fourth>4 ninth>9 second>2 seventh>7 sixth>6 tenth>10 third>3";
/// Units, by their short names.
pub(super) const UNITS: &str = "\
    am>am celsius>c centimeter>cm centimeters>cm centimetre>cm centimetres>cm cm>cm day>day days>day \
    degree>degree degrees>degree dollar>dollar dollars>dollar eur>euro euro>euro euros>euro fahrenheit>f \
    feet>ft foot>ft ft>ft g>g gb>gb gbp>gbp gram>g grams>g h>h hour>h hours>h hr>h hrs>h inch>inch \
    inches>inch kb>kb kg>kg kilo>kg kilogram>kg kilograms>kg kilometer>km kilometers>km kilometre>km \
    kilometres>km kilos>kg km>km l>l lb>lb lbs>lb liter>l liters>l litre>l litres>l m>m mb>mb meter>m \
    meters>m metre>m metres>m mile>mile miles>mile milliliter>ml milliliters>ml millilitre>ml millilitres>ml \
    millimeter>mm millimeters>mm millimetre>mm millimetres>mm min>min mins>min minute>min minutes>min ml>ml \
    mm>mm month>month months>month ounce>oz ounces>oz oz>oz percent>% pm>pm pound>lb pounds>lb sec>s \
    second>s seconds>s secs>s tb>tb usd>dollar week>week weeks>week year>year years>year";
/// Verbs that swallowed "not" without an apostrophe.
pub(super) const CONTRACTIONS: &str = "\
    arent>are cant>can couldnt>could didnt>did doesnt>does dont>do hasnt>has havent>have isnt>is \
    shouldnt>should wasnt>was wont>will wouldnt>would";
/// Two words that have a name of their own.
pub(super) const PHRASES: &str = "\
    at_least>atleast at_most>atmost how_come>why log_in>login log_into>login log_on>login log_out>logout \
    logged_in>login logging_in>login logging_into>login logging_out>logout most_recent>last no_less>atleast \
    no_more>atmost not_less>atleast not_more>atmost set_up>setup short_for>mean sign_in>login \
    sign_into>login sign_out>logout sign_up>register signing_in>login signing_out>logout signing_up>register \
    stand_for>mean united_kingdom>uk united_states>usa";
/// Words with one meaning in nearly every question, and irregular forms.
pub(super) const SYNONYMS: &str = "\
    acquire>get activate>enable additional>extra alter>change annual>yearly annually>yearly application>app \
    assist>help assistance>help automobile>car baggage>luggage begin>start bigger>big biggest>big bought>buy \
    cancel>end cease>stop cellphone>mobile chat>talk children>child choose>select compose>write \
    compute>calculate construct>build correct>fix couch>sofa coupon>discount coworker>colleague create>make \
    cv>resume dad>father db>database deactivate>disable decrease>reduce deliver>ship delivery>ship \
    describe>explain dict>dictionary difficult>hard draft>write edit>change env>environment erase>delete \
    execute>run fee>cost finish>end flat>apartment found>find frequent>often frequently>often \
    fridge>refrigerator gift>present halt>stop huge>big image>photo incorrect>wrong info>information \
    insert>add int>integer invoice>bill js>javascript kid>child large>big largest>big latest>last \
    launch>start lawyer>attorney locate>find lower>reduce made>make mail>email men>man merge>combine \
    modify>change mom>mother movie>film mum>mother newest>last obtain>get occupation>job oversea>abroad \
    paid>pay parcel>package permit>allow phone>mobile physician>doctor pic>photo pick>select picture>photo \
    postgresql>postgres price>cost promo>discount purchase>buy quick>fast quit>exit rapid>fast receive>get \
    reimburse>refund reimbursement>refund remove>delete repair>fix reply>answer repo>repository \
    reservation>book reserve>book respond>answer salary>pay sent>send shipment>ship shop>store shut>close \
    signin>login signout>logout signup>register site>website smartphone>mobile speak>talk sum>total \
    summarise>summarize summary>summarize taxi>cab terminate>end timezone>zone tv>television update>change \
    used>use using>use utilize>use vacation>holiday view>see voucher>discount vs>versus wage>pay women>woman \
    written>write wrote>write";
