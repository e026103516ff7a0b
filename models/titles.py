"""Words around names: titles of persons, words that bodies are named with, capitals with which sentences begin."""

import re
from typing import Final


def word_set(listed: str) -> frozenset[str]:
    """The words of a text that blanks part."""
    return frozenset(listed.split())


MALE: Final = word_set(
    "Mr Messrs Sir Lord King Prince Brother Father Chairman Spokesman Congressman Councilman Businessman"
)
"""Titles of men."""

FEMALE: Final = word_set(
    "Mrs Ms Miss Madam Madame Mme Lady Queen Princess Sister Mother Chairwoman Spokeswoman Congresswoman Councilwoman "
    "Businesswoman Dame"
)
"""Titles of women."""

TITLES: Final = (
    MALE
    | FEMALE
    | word_set(
        "Dr Prof Professor President Vice-President Vice Premier Chancellor Minister Secretary Deputy Governor Gov "
        "Senator Sen Representative Rep Mayor Ambassador Envoy General Gen Brig Brigadier Colonel Col Captain Capt "
        "Major Maj Lieutenant Lt Sergeant Sgt Commander Commissioner Judge Justice Chief Director Director-General "
        "Chair Chairperson Spokesperson Speaker Leader Officer Inspector Superintendent Detective Sheriff Constable "
        "Bishop Archbishop Pope Cardinal Reverend Rev Rabbi Imam Sheikh Ayatollah Abbot Councillor Cllr Coach Manager "
        "Executive CEO Editor Author Dean Rector Attorney Prosecutor MP MEP MSP TD PM VP AG MLA MK Whip Majority "
        "Minority Counsel Solicitor Ombudsman Delegate Admiral Marshal Corporal Private Pastor Emir Sultan Crown "
        "Minister-President Prime Foreign Interior Defence Defense Finance Health Education Environment Transport "
        "Energy Labour Labor Trade Agriculture Culture Emergencies Home Treasury Ex-President Ex-Prime Former Acting "
        "Interim Democratic Republican Democrat Conservative Senior Junior Star Singer Actor Actress Analyst Lawyer "
        "Economist"
    )
)
"""Words before a name that are none of it."""

BODIES: Final = word_set(
    "Ministry Department Committee Commission Council Agency Police Party Parliament Congress Senate House Court "
    "University College School Union Group Front Army Navy Force Forces Government Association Federation Office "
    "Service Services Bank Company Corporation Inc Ltd News Times Post Press Board Authority Institute Organization "
    "Organisation Foundation Club League Team Alliance Movement Assembly Administration Bureau Center Centre Hospital "
    "Airlines Air Airways Airport Society Trust Network Guard Patrol Coalition Conference Delegation Nations States "
    "Kingdom Republic Partners Shipping Transit Journal Herald Guardian Reuters Tribune Magazine Television Radio "
    "Embassy Consulate Cabinet Treasury Chamber Tribunal Directorate Secretariat Unit Station Lines Holdings Railways "
    "Railway Initiative Campaign Project Programme Program Survey Laboratory Museum Church Diocese Vatican Kremlin "
    "Pentagon Street Avenue Road River Island Islands City County District Province Region Committees Greens Democrats "
    "Republicans Conservatives Relations Affairs Rights Territories Cooperation Coordination Operations Assistance "
    "Peacekeeping Peacebuilding Courier Argus Gazette Weekly Chronicle Echo Observer Mercury Examiner Telegraph "
    "Messenger "
    "Sentinel Advertiser Show Festival Agreement Treaty Accord Act Bill Awards Prize Cup Tribe Nation Guild Tribes"
)
"""Words in the names of bodies, and of places, that are in no person's."""

NO_NAMES: Final = word_set(
    "The A An In On At But And Or For From With When While As After Before Since By To Of If It Its He She They We I "
    "You This That These Those There Their His Her Our My Your What Who Where Why How Which Some Many Most Several One "
    "Two Three Four Five Six Seven Eight Nine Ten Both All Each Every Another Other No Not Now Then Also Although "
    "Though However Meanwhile According Following During Despite Because Until Asked Last Earlier Later Today "
    "Yesterday Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May June July "
    "August September October November December Let So Yet Under Over About Among Between Through Into Around Such "
    "Only Even Still Once Nearly Q Yes Speaking Within Without Against Near Across Outside Inside Amid Beyond "
    "Alongside "
    "Toward Towards Like Upon Unlike Throughout Behind Above Below Besides Including Per Via Whether Though Unless "
    "Thus "
    "Just Here Never Perhaps Neither Either Nor"
)
"""Words with which sentences begin, and days and months."""

OCCUPATION: Final = re.compile(
    r"(?:[A-Z]\w+(?:ologist|ist|ician|ator|oter|woman|person|worker|fighter|keeper|master|holder)|"
    r"Farmer|Driver|[A-Z][a-z]+-year-old|Engineer|Teacher|Nurse|"
    r"Doctor|Student|Fisherman|Miner|Pilot|Researcher|Scientist|Expert|Eyewitness|Witness|Resident|Activist|Founder|"
    r"Owner|"
    r"President|Cousin|Brother|Sister|Negotiator|Mediator|Organiser|Organizer|Reporter|Correspondent|Sen|Lawmaker|"
    r"Presidents|Ministers|Governors|Senators|Messrs|Professors|Officers|Drs|Committeeman|Head|Comrade|Saint)"
)
"""Words that stand before a name and say what its bearer does."""

DEMONYMS: Final = word_set(
    "American British English Scottish Welsh Irish French German Italian Spanish Portuguese Dutch Belgian Swiss "
    "Austrian "
    "Polish Czech Slovak Hungarian Romanian Bulgarian Greek Turkish Cypriot Serbian Croatian Bosnian Albanian Kosovar "
    "Macedonian Slovenian Danish Swedish Norwegian Finnish Icelandic Estonian Latvian Lithuanian Russian Ukrainian "
    "Belarusian Moldovan Georgian Armenian Azerbaijani Kazakh Uzbek Israeli Palestinian Lebanese Syrian Iraqi Iranian "
    "Saudi Yemeni Emirati Qatari Kuwaiti Jordanian Egyptian Libyan Tunisian Algerian Moroccan Sudanese Ethiopian "
    "Eritrean "
    "Somali Kenyan Ugandan Rwandan Nigerian Ghanaian Congolese Zimbabwean Zambian African Asian European Afghan "
    "Pakistani Indian Bangladeshi Burmese Thai Vietnamese Cambodian Malaysian Indonesian Filipino Philippine Chinese "
    "Taiwanese Japanese Korean Mongolian Australian Canadian Mexican Cuban Haitian Venezuelan Colombian Brazilian "
    "Peruvian Chilean Bolivian Argentine Argentinian Kurdish Catalan Basque Arab Arabic Muslim Jewish Catholic "
    "Orthodox Sunni Shia Shiite Hindu Buddhist Northern Southern Eastern Western Central East West North South"
)
"""Adjectives of countries, faiths and parts of the world, which stand before names and begin none."""

STYLES: Final = word_set(
    "Pope King Queen Prince Princess Sister Brother Father Mother Emir Sultan Emperor Empress Saint Lord Lady Dame Sir"
)
"""Titles that are part of the name where nothing but one word follows: Pope Francis."""
