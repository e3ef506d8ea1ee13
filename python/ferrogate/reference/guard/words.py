"""The word tables of the guard: closed classes first, open ones kept short.

Long lists of opposites, places or products hold on the pairs they were written with and not on
others, so what tells questions apart is structure. ``tests/golden/guard_words.json`` holds these
tables and the compiled ones together.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "ABSENCES",
    "ANTONYMS",
    "AUXILIARIES",
    "CONTRACTIONS",
    "COST",
    "FILLERS",
    "FUNCTION",
    "IMPERATIVES",
    "INFINITIVE",
    "MEASURES",
    "NEGATIONS",
    "NUMBERS",
    "OPPOSITES",
    "ORDINALS",
    "PERIODS",
    "PHRASES",
    "PREFIXES",
    "ROLES",
    "SYNONYMS",
    "TASKS",
    "TIMES",
    "UNITS",
]


def _couples(text: str) -> tuple[tuple[str, str], ...]:
    couples = (entry.partition(">") for entry in text.split())
    return tuple((one, two) for one, _, two in couples)


def _pairs(text: str) -> dict[str, str]:
    return dict(_couples(text))


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Prepositions that say which part a word has: whence, whither, earlier, later.
ROLES: Final = _pairs("from>from to>to into>to before>before after>after than>than without>without over>over")

# Before "to" they make it part of a verb.
INFINITIVE: Final = _words(
    """how way ways have has had going able try trying possible best easiest right steps tip tips procedure
    want would like need needed wanna wish let help"""
)

PERIODS: Final = _words("week month year quarter weekend season night")

# Left out of the alignment: they change nothing.
FILLERS: Final = _words(
    """a an the please pls kindly thanks thank hi hello hey just also quick question help tell show give me
    us want would like need needed wanna i'd wish let know say ask der das le les el il een het"""
)

AUXILIARIES: Final = _words(
    """is are am was were be been being do does did can could will would shall should may might must has
    have had"""
)

# No content of their own, but part of the frame.
FUNCTION: Final = _words(
    """people person i you he she it we they my your his her its our their mine yours me him them us myself
    yourself this that these those there here of in on at to for with by from about into onto over
    under up down out off as and or but so if than then what which who whom whose when where why how
    much many way ways right best good step steps process procedure method tip tips possible able go
    going get getting got take taking work works working it's while during between through per via
    using use used some any someone something anyone thing one ones again mean means too very really
    actually else other another such now ever still already own soon easy easily easiest simple
    simplest recommended not no never without none nothing nobody cannot vs versus because since
    although though even une du ein eine einen et und y del una von voor"""
)

# Verbs that open a request and say no more than a question mark does.
IMPERATIVES: Final = _words(
    """explain describe name list define compute calculate suggest recommend provide outline state discuss
    find"""
)

NEGATIONS: Final = _words(
    """atmost atleast not no never without none nothing nobody nowhere neither nor cannot unable non nicht
    kein keine keinen keiner keinem keines nie niemals ohne nichts pas jamais rien aucun aucune sans nunca sin
    nada ningun ninguno ninguna ningún jamás tampoco mai senza niente nessun nessuno nessuna nulla
    não sem nenhum nenhuma niet geen nooit zonder niets"""
)

# Words that say "not" by themselves: they may stand for a negation that the other text spells out.
ABSENCES: Final = _words(
    """forgot forget forgotten fail fails failed failing decline declined refuse refused reject rejected
    deny denied broken wrong offline unsubscribe stop exclude excluded lack lacks lost missing miss
    avoid except impossible incorrect invalid prevent prevented trouble problem problems issue
    issues error crash crashes keep keeps"""
)

# Particles and comparatives, of which one instead of the other asks the opposite.
OPPOSITES: Final = _couples(
    """on>off in>out up>down before>after above>below over>under for>against with>without into>out
    more>less more>fewer most>least always>never inside>outside first>last next>previous all>none
    higher>lower best>worst better>worse from>to earlier>later left>right all>one all>last all>first
    every>one"""
)

ANTONYMS: Final = _couples(
    """start>stop start>end open>close add>remove add>delete create>delete accept>reject accept>decline
    allow>block allow>deny buy>sell send>receive lend>borrow gain>lose win>lose approve>reject
    show>hide pause>resume push>pull pass>fail cheap>expensive high>low fast>slow old>new
    public>private positive>negative hot>cold early>late begin>end begin>finish follow>block
    join>leave give>take true>false rich>poor increase>reduce grant>revoke archive>restore
    expand>collapse deposit>withdraw raise>lower hire>fire arrive>depart save>discard major>minor
    strong>weak login>logout"""
)

# Beginnings that turn a word into its opposite, also against nothing: lock and unlock.
PREFIXES: Final = _couples(
    """>un >dis >non >de >mis >in >im >ir im>ex in>ex in>out in>de up>down on>off at>de en>de as>de en>dis
    con>dis maxim>minim inter>exter inter>intra pre>post over>under micro>macro hyper>hypo pro>anti
    uni>multi pro>de"""
)

NUMBERS: Final = _pairs(
    """zero>0 two>2 three>3 four>4 five>5 six>6 seven>7 eight>8 nine>9 ten>10 eleven>11 twelve>12
    thirteen>13 fourteen>14 fifteen>15 sixteen>16 seventeen>17 eighteen>18 nineteen>19 twenty>20
    thirty>30 forty>40 fifty>50 sixty>60 seventy>70 eighty>80 ninety>90 hundred>100 thousand>1000
    million>1000000 billion>1000000000 ii>2 iii>3 iv>4 vi>6 vii>7 viii>8 ix>9"""
)

ORDINALS: Final = _pairs(
    """first>1 second>2 third>3 fourth>4 fifth>5 sixth>6 seventh>7 eighth>8 ninth>9 tenth>10"""
)

UNITS: Final = _pairs(
    """kg>kg kilo>kg kilos>kg kilogram>kg kilograms>kg g>g gram>g grams>g lb>lb lbs>lb pound>lb pounds>lb
    oz>oz ounce>oz ounces>oz km>km kilometer>km kilometers>km kilometre>km kilometres>km m>m meter>m
    meters>m metre>m metres>m cm>cm mm>mm mile>mile miles>mile ft>ft feet>ft foot>ft inch>inch
    inches>inch l>l liter>l liters>l litre>l litres>l ml>ml milliliter>ml milliliters>ml millilitre>ml
    millilitres>ml centimeter>cm centimeters>cm centimetre>cm centimetres>cm millimeter>mm millimeters>mm
    millimetre>mm millimetres>mm second>s seconds>s sec>s secs>s
    minute>min minutes>min min>min mins>min hour>h hours>h hr>h hrs>h h>h day>day days>day week>week
    weeks>week month>month months>month year>year years>year percent>% dollar>dollar dollars>dollar
    usd>dollar euro>euro euros>euro eur>euro gbp>gbp kb>kb mb>mb gb>gb tb>tb am>am pm>pm
    degree>degree degrees>degree celsius>c fahrenheit>f"""
)

TIMES: Final = _words(
    """today tonight yesterday tomorrow latest newest current currently monday tuesday wednesday thursday
    friday saturday sunday january february april june july august september october november
    december"""
)

# After "how" they ask for a measure, not for a manner.
MEASURES: Final = _words(
    """long far old tall big large high deep fast often heavy wide soon hot cold late early quickly small
    close near expensive hard strong thick loud"""
)

COST: Final = _words("cost costs price prices fee fees pricing")

# Verbs and nouns of a prompt that works on a text it brings along.
TASKS: Final = _words(
    """summarize summarise summary translate translation classify extract rewrite rephrase paraphrase
    proofread correct fix grammar sentiment edit shorten improve analyze analyse review convert tag
    label text sentence paragraph article email"""
)

CONTRACTIONS: Final = _pairs(
    """dont>do cant>can isnt>is doesnt>does didnt>did wasnt>was havent>have hasnt>has couldnt>could
    shouldnt>should wouldnt>would arent>are wont>will"""
)

PHRASES: Final = _pairs(
    """united_states>usa united_kingdom>uk log_in>login sign_in>login log_on>login log_out>logout
    sign_out>logout most_recent>last no_more>atmost not_more>atmost at_most>atmost no_less>atleast
    not_less>atleast at_least>atleast stand_for>mean short_for>mean set_up>setup how_come>why
    log_into>login logging_in>login logging_into>login logged_in>login sign_into>login signing_in>login
    logging_out>logout signing_out>logout sign_up>register signing_up>register"""
)

SYNONYMS: Final = _pairs(
    """signin>login signout>logout using>use used>use utilize>use erase>delete compose>write draft>write
    purchase>buy modify>change edit>change alter>change begin>start finish>end terminate>end
    picture>photo image>photo pic>photo movie>film invoice>bill promo>discount coupon>discount
    voucher>discount price>cost fee>cost large>big huge>big quick>fast rapid>fast kid>child
    children>child mom>mother mum>mother dad>father mail>email assist>help merge>combine shut>close
    describe>explain shop>store vacation>holiday application>app tv>television repair>fix
    postgresql>postgres js>javascript dict>dictionary int>integer env>environment repo>repository
    db>database info>information phone>mobile cellphone>mobile smartphone>mobile obtain>get
    receive>get latest>last newest>last timezone>zone bigger>big biggest>big bought>buy wrote>write
    written>write found>find sent>send paid>pay made>make men>man women>woman parcel>package
    quit>exit update>change activate>enable deactivate>disable summary>summarize summarise>summarize
    reimburse>refund reimbursement>refund automobile>car taxi>cab choose>select pick>select
    speak>talk chat>talk occupation>job salary>pay wage>pay lawyer>attorney physician>doctor
    flat>apartment gift>present vs>versus cease>stop annual>yearly annually>yearly
    reserve>book reservation>book lower>reduce decrease>reduce frequently>often frequent>often largest>big
    baggage>luggage oversea>abroad fridge>refrigerator cv>resume construct>build correct>fix remove>delete
    cancel>end permit>allow view>see locate>find incorrect>wrong delivery>ship deliver>ship shipment>ship
    coworker>colleague sum>total compute>calculate difficult>hard site>website respond>answer reply>answer
    couch>sofa acquire>get create>make insert>add execute>run launch>start halt>stop signup>register
    assistance>help additional>extra"""
)
