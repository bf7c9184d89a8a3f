"""English abbreviations and what they stand for, by what must stand around them."""

TITLES = {  # with a dot before a name
    "Mr": "Mister",
    "Mrs": "Missus",
    "Ms": "Miz",
    "Messrs": "Messieurs",
    "Prof": "Professor",
    "Rev": "Reverend",
    "Hon": "Honorable",
    "Gen": "General",
    "Col": "Colonel",
    "Capt": "Captain",
    "Cmdr": "Commander",
    "Cpl": "Corporal",
    "Maj": "Major",
    "Lt": "Lieutenant",
    "Sgt": "Sergeant",
    "Gov": "Governor",
    "Sen": "Senator",
    "Rep": "Representative",
    "Pres": "President",
    "Supt": "Superintendent",
    "Insp": "Inspector",
    "Fr": "Father",
    "Mt": "Mount",
    "Ft": "Fort",
}
PLAIN = {  # of one meaning, with a dot
    "Jr": "Junior",
    "Sr": "Senior",
    "Esq": "Esquire",
    "Inc": "Incorporated",
    "Ltd": "Limited",
    "Corp": "Corporation",
    "Bros": "Brothers",
    "Dept": "Department",
    "Univ": "University",
    "Ave": "Avenue",
    "Blvd": "Boulevard",
    "Rd": "Road",
    "Ln": "Lane",
    "Pkwy": "Parkway",
    "Hwy": "Highway",
    "Bldg": "Building",
    "Apt": "Apartment",
    "vs": "versus",
    "etc": "et cetera",
    "viz": "namely",
    "approx": "approximately",
    "dept": "department",
    "est": "established",
    "incl": "including",
    "govt": "government",
    "misc": "miscellaneous",
    "Assn": "Association",
    "Assoc": "Associates",
}
NEVER_LAST = frozenset("vs approx est viz incl Apt".split())
PHRASES = {
    "e.g.": "for example",
    "i.e.": "that is",
    "a.k.a.": "also known as",
    "cf.": "compare",
    "et al.": "and others",
    "c.": "circa",
    "ca.": "circa",
}
STROKES = {
    "w/o": "without",
    "w/": "with",
    "c/o": "care of",
    "and/or": "and or",
    "he/she": "he or she",
    "she/he": "she or he",
    "his/her": "his or her",
    "him/her": "him or her",
    "n/a": "not applicable",
    "N/A": "not applicable",
}
BEFORE_NUMBER = {
    "p": "page",
    "pp": "pages",
    "ch": "chapter",
    "Ch": "Chapter",
    "vol": "volume",
    "Vol": "Volume",
    "vols": "volumes",
    "fig": "figure",
    "Fig": "Figure",
    "figs": "figures",
    "Figs": "Figures",
    "sec": "section",
    "Sec": "Section",
    "eq": "equation",
    "Eq": "Equation",
    "art": "article",
    "Art": "Article",
    "ext": "extension",
    "tel": "telephone",
    "Tel": "Telephone",
    "Op": "Opus",
    "op": "opus",
    "Rte": "Route",
    "Ste": "Suite",
    "Apt": "Apartment",
}
STREETS = {"Dr": "Drive", "St": "Street", "Ct": "Court", "Sq": "Square", "Pl": "Place"}
MONTHS = {
    "Jan": "January",
    "Feb": "February",
    "Mar": "March",
    "Apr": "April",
    "Jun": "June",
    "Jul": "July",
    "Aug": "August",
    "Sep": "September",
    "Sept": "September",
    "Oct": "October",
    "Nov": "November",
    "Dec": "December",
}
DAYS = {
    "Mon": "Monday",
    "Tue": "Tuesday",
    "Tues": "Tuesday",
    "Wed": "Wednesday",
    "Thu": "Thursday",
    "Thur": "Thursday",
    "Thurs": "Thursday",
    "Fri": "Friday",
    "Sat": "Saturday",
    "Sun": "Sunday",
}
STATES = dict(
    pair.split(":")
    for pair in (
        "AL:Alabama AK:Alaska AZ:Arizona AR:Arkansas CA:California CO:Colorado CT:Connecticut "
        "DE:Delaware FL:Florida GA:Georgia HI:Hawaii ID:Idaho IL:Illinois IN:Indiana IA:Iowa "
        "KS:Kansas KY:Kentucky LA:Louisiana ME:Maine MD:Maryland MA:Massachusetts MI:Michigan "
        "MN:Minnesota MS:Mississippi MO:Missouri MT:Montana NE:Nebraska NV:Nevada "
        "NH:New_Hampshire NJ:New_Jersey NM:New_Mexico NY:New_York NC:North_Carolina "
        "ND:North_Dakota OH:Ohio OK:Oklahoma OR:Oregon PA:Pennsylvania RI:Rhode_Island "
        "SC:South_Carolina SD:South_Dakota TN:Tennessee TX:Texas UT:Utah VT:Vermont VA:Virginia "
        "WA:Washington WV:West_Virginia WI:Wisconsin WY:Wyoming DC:D_C"
    ).split()
)
